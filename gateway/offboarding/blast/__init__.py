"""The guard against many departures at once: what may begin, and what two people decide about the rest."""
