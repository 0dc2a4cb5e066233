"""Small things every part of the gateway uses. Imports nothing of ours but the contract."""
