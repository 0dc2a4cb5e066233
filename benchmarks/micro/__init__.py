"""Small measurements of single parts; each prints ratios of one run, never a verdict on absolute times."""
