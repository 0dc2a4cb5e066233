"""Delivery: lanes are worked here, one attempt in flight per lane, many lanes at once."""
