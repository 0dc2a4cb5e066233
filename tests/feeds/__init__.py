"""`make siem`: many events to real receivers that are killed meanwhile, and the verifier's word on what they stored."""
