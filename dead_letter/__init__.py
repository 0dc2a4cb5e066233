"""Cases: what cannot go on by itself, with its evidence and what a person may do about it.

Knows no lane, no connector and no mapping: what a decision does to a lane goes through `ports.LanePort`.
"""
