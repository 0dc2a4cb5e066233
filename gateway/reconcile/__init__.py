"""Reconciliation: whole systems are compared on request, the drift is a plan, and the lanes repair it."""
