"""Departures: what a person has in each system, how it ends by its deadline, and the proof that it did."""
