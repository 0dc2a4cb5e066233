"""The mapping language: model, loader, compiler, linter, round-trip law, and the library of mappings."""
