"""The sync algorithm (SYNC.md): what an observation means, what a target lacks, what an outcome proves.

Pure rules work on one record's `Unit` in memory; `decider` loads units, applies rules and commits them in batches.
"""
