"""The same 25 fields through the product's mappings; `fields.to_target` is what they must amount to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fields import Document
from mappings.compiler import CompiledMapping
from mappings.loader import load_mapping

FOLDER = Path(__file__).with_name("config") / "mappings"


@dataclass(frozen=True)
class Pair:
    """The mappings of both ends."""

    source: CompiledMapping
    target: CompiledMapping

    def carry(self, ticket: Document) -> dict[str, Any]:
        """A source document as the target's: external, canonical, external. Raises MappingError."""
        record = {name: self.source.from_ext(name, ext) for name, ext in self.source.read(ticket).items()}
        outward = {name: self.target.to_ext(name, value) for name, value in record.items()}
        return self.target.write(outward, record)


def load_pair() -> Pair:
    """Compiles both files. Raises ConfigError with all problems."""
    return Pair(load_mapping("bench-source.yaml", FOLDER), load_mapping("bench-target.yaml", FOLDER))
