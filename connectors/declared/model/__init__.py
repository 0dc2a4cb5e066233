"""The shape of a connector file: strict models, one source for parser, linter, JSON Schema and docs."""
