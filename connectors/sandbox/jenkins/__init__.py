"""The stand-in for Jenkins: one job in a folder."""
