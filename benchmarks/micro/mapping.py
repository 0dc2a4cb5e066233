"""`python -m benchmarks.micro.mapping`: 25 fields from one document to the other, by the product and by hand."""

from __future__ import annotations

from typing import Any

from benchmarks.fields import Document, to_target
from benchmarks.mapped import load_pair
from benchmarks.micro.timing import best_us, show
from benchmarks.workload import Workload


def sample() -> Document:
    """A ticket of the workload."""
    workload = Workload(1, 1, 1)
    workload.next_create()
    return workload.tickets[0]


def main() -> None:
    """Prints the parts and the whole, as multiples of the hand-written closures."""
    ticket, pair = sample(), load_pair()
    exts = pair.source.read(ticket)
    record = {name: pair.source.from_ext(name, ext) for name, ext in exts.items()}
    outward: dict[str, Any] = {name: pair.target.to_ext(name, value) for name, value in record.items()}
    figures = {
        "closures, by hand": best_us(lambda: to_target(ticket)),
        "read": best_us(lambda: pair.source.read(ticket)),
        "to canonical": best_us(lambda: [pair.source.from_ext(name, ext) for name, ext in exts.items()]),
        "to external": best_us(lambda: [pair.target.to_ext(name, value) for name, value in record.items()]),
        "write": best_us(lambda: pair.target.write(outward, record)),
        "all four": best_us(lambda: pair.carry(ticket)),
    }
    show("mapping of 25 fields", figures, unit="us a document", base="closures, by hand")


if __name__ == "__main__":
    main()
