"""The floor, the gateway and a target with ETags, side by side in one run. Not part of the wheel."""
