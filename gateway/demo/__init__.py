"""The story for newcomers, and the judge that every claim about the product rests on."""
