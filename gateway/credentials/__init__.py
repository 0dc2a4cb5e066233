"""What connections sign in with: secrets kept encrypted, tokens with one owner, and the change from one to the next."""
