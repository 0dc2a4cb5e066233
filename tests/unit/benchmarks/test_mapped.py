"""Floor and gateway must do the same work: the hand-written closures and the mapping files give the same documents."""

from __future__ import annotations

from benchmarks.fields import FIELDS, to_target
from benchmarks.mapped import load_pair
from benchmarks.workload import Workload


def test_the_mapping_files_amount_to_the_closures() -> None:
    pair, workload = load_pair(), Workload(40, 9, 4)
    for _ in range(300):
        workload.next()
    for ticket in workload.tickets:
        assert pair.carry(ticket) == to_target(ticket)


def test_both_files_map_every_field() -> None:
    pair, names = load_pair(), {name for name, _ in FIELDS}
    assert set(pair.source.fields) == set(pair.target.fields) == names


def test_what_was_written_reads_back_as_what_was_sent() -> None:
    pair, workload = load_pair(), Workload(1, 9, 1)
    workload.next_create()
    written = pair.carry(workload.tickets[0])
    assert pair.target.read(written) == {name: pair.target.norm(name, ext) for name, ext in written.items()}
