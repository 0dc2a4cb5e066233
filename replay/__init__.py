"""Sends again what could not be sent: a pinned selection, a plan that shows what would happen, and its run.

Knows no lane, no mapping and no connector: what would happen, and how an item reaches its lane, is asked through
`ports`.
"""
