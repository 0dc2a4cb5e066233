"""Proves at the receiver that a feed is complete. Standard library only, Python 3.8: `lockstep siem verifier` prints
its modules as one file, which runs without the gateway. What is signed and hashed is defined here, for both sides.
"""
