"""Files that people write: YAML with places, problems with a way out, strict models, conditions, JSONPath, units."""
