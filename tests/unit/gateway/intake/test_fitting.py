"""What becomes of changes that are too large for the stream, or that no table can hold."""

from __future__ import annotations

import msgspec
import pytest

from connectors.contract.errors import MalformedError
from connectors.contract.values import Change, ChangeKind, Item, Snapshot
from gateway.intake.fitting import LONGEST_BODY, entry, fit
from gateway.streams.port import MAX_ENTRY_BYTES
from gateway.sync import bounds

HUGE = "x" * MAX_ENTRY_BYTES


def change(*, kind: ChangeKind = ChangeKind.SNAPSHOT, **snapshot: object) -> Change:
    shown = Snapshot(object="thing", id="1", key="T-1", version=3, **snapshot)  # type: ignore[arg-type]
    return Change(connection="a", delivery_key="d", kind=kind, snapshot=shown, received_at=1.0)


def stored(given: Change) -> Change:
    key, value = entry(given)
    assert key == given.stream_key and len(value) <= MAX_ENTRY_BYTES
    return msgspec.json.decode(value, type=Change)


def test_what_fits_is_stored_as_it_is() -> None:
    given = change(raw={"x": "1"}, items=(Item(id="c", body="b"),))
    assert stored(given) == given


def test_an_object_that_is_too_large_becomes_a_hint() -> None:
    found = stored(change(raw={"description": HUGE}, items=(Item(id="c", body="kept"),)))
    assert found.kind is ChangeKind.HINT and found.snapshot.partial and not found.snapshot.raw
    assert (found.snapshot.id, found.snapshot.key, found.delivery_key) == ("1", "T-1", "d")
    assert [item.body for item in found.snapshot.items or ()] == ["kept"], "a read does not bring comments again"


def test_a_deletion_stays_one() -> None:
    assert stored(change(kind=ChangeKind.DELETED, raw={"description": HUGE})).kind is ChangeKind.DELETED


def test_a_comment_that_is_too_large_is_cut_and_says_so() -> None:
    found = stored(change(kind=ChangeKind.ITEM, items=(Item(id="c", body=HUGE), Item(id="d", body="whole"))))
    assert found.kind is ChangeKind.ITEM
    long, short = found.snapshot.items or ()
    assert long.body.startswith("x" * LONGEST_BODY) and str(len(HUGE)) in long.body
    assert short.body == "whole"


def test_more_comments_than_an_entry_holds_are_refused() -> None:
    items = tuple(Item(id=str(n), body="x" * LONGEST_BODY) for n in range(MAX_ENTRY_BYTES // LONGEST_BODY + 1))
    with pytest.raises(MalformedError):
        entry(change(items=items))


@pytest.mark.parametrize("text", ["k" * 301, "a\x00b", "a\ud800b"])
def test_a_digest_keeps_texts_apart(text: str) -> None:
    short = bounds.digest(text, 300)
    assert len(short) <= 300 and bounds.is_plain(short)
    assert short == bounds.digest(text, 300) != bounds.digest(text + "z", 300)
    assert bounds.digest("as it is", 300) == "as it is"


def test_an_unfit_change_can_be_told_of() -> None:
    shown = Snapshot(object="thing", id="i" * 500, key="k\x00" * 500, version=2**40)
    bad = Change(connection="a", delivery_key="d\x00", kind=ChangeKind.SNAPSHOT, snapshot=shown, received_at=1.0)
    with pytest.raises(MalformedError):
        fit(bad)
    fit(bounds.storable(bad))
