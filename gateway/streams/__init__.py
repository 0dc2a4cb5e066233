"""The durable buffer between intake and sync. Callers see `port.py` and nothing else; Faust is the engine behind it."""
