"""The fragment that is sent: places, companions, gates, clearing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.contract.errors import MappingError
from mappings.compiler import CompiledMapping
from mappings.writer import Writer
from tests.unit.mappings.support import compiled

TEXT = """\
clear_with: ""
fields:
  title: {path: t, write: texts.title}
  note: {path: n, newlines: crlf, with: {flags.noted: true}}
  state:
    path: s
    lossy: true
    values:
      open: O
      waiting: {ext: W, with: {reason: 4}}
      done:
        ext: O
        read: false
        with: {note: "${note|none}", by: "${owner}", word: "closed ${title} by ${owner|nobody}"}
  level: {path: l, computed: true, values: {high: {ext: H, with: {a: 1}}, low: {ext: L, with: {a: 2}}}}
  owner: {path: who.mail, clear_at: who}
  tags: {path: tags, separator: " "}
  size: {path: size, direction: in}
  urgent: {path: urgent, when: {state: [waiting]}}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> CompiledMapping:
    return compiled(tmp_path, TEXT)


def write(mapping: CompiledMapping, record: dict[str, Any], *fields: str) -> dict[str, Any]:
    return mapping.write({name: mapping.to_ext(name, record[name]) for name in fields or record}, record)


@pytest.mark.parametrize(
    ("record", "fields", "expected"),
    [
        ({"title": "x"}, (), {"texts": {"title": "x"}}),
        ({"note": "a\nb"}, (), {"n": "a\r\nb", "flags": {"noted": True}}),
        ({"state": "open"}, (), {"s": "O"}),
        ({"state": "waiting"}, (), {"s": "W", "reason": 4}),
        ({"level": "low"}, (), {"a": 2}),
        ({"owner": "ann@example.com"}, (), {"who": {"mail": "ann@example.com"}}),
        ({"owner": None}, (), {"who": ""}),
        ({"tags": ["a", "b"]}, (), {"tags": "a b"}),
        ({"tags": []}, (), {"tags": ""}),
        ({"size": 3}, (), {}),
        ({"urgent": True, "state": "open"}, ("urgent",), {}),
        ({"urgent": True, "state": "waiting"}, ("urgent",), {"urgent": True}),
    ],
)
def test_fragments(mapping: CompiledMapping, record: dict[str, Any], fields: tuple[str, ...], expected: Any) -> None:
    assert write(mapping, record, *fields) == expected


def test_companions_follow_the_record_where_two_values_look_the_same(mapping: CompiledMapping) -> None:
    """`open` and `done` are both written as O: only the record tells which companions are meant."""
    record = {"state": "done", "note": None, "owner": None, "title": "mail"}
    expected = {"s": "O", "note": "none", "word": "closed mail by nobody"}
    assert write(mapping, record, "state") == expected


def test_companions_are_external_values(mapping: CompiledMapping) -> None:
    record = {"state": "done", "note": "a\nb", "owner": "ann@example.com", "title": "mail"}
    sent = write(mapping, record, "state")
    assert (sent["note"], sent["by"]) == ("a\r\nb", "ann@example.com")


def test_values_that_are_sent_come_before_those_of_the_record(mapping: CompiledMapping) -> None:
    record = {"state": "done", "owner": "old@example.com", "note": None, "title": None}
    assert mapping.write({"state": "O", "owner": "new@example.com"}, record)["by"] == "new@example.com"


def test_a_hop_through_an_unknown_value_has_no_companions(mapping: CompiledMapping) -> None:
    assert mapping.write({"state": "X"}, {"state": "done"}) == {"s": "X"}


def test_a_companion_that_cannot_be_carried_over_is_refused(mapping: CompiledMapping) -> None:
    with pytest.raises(MappingError):
        write(mapping, {"state": "done", "owner": "nobody", "note": None, "title": None}, "state")


def test_companions_are_declared_on_the_field(mapping: CompiledMapping) -> None:
    assert mapping.fields["state"].companions == ("title", "note", "owner")
    assert mapping.fields["title"].companions == ()


def test_rules_tell_what_can_be_done(mapping: CompiledMapping) -> None:
    rules = mapping.fields
    assert (rules["size"].readable, rules["size"].writable) == (True, False)
    assert (rules["state"].stepped, rules["state"].lossy, rules["owner"].personal) == (False, True, True)
    assert rules["urgent"].gate == ("state", frozenset({"W"}))
    assert isinstance(mapping.writer, Writer)
    assert repr(mapping) == "CompiledMapping(some-thing@1)"


COVERED = """\
clear_with: ""
fields:
  title: {path: t}
  owner:
    path: who.mail
    clear_at: who
    with: {told: "${owner}"}
    fallback:
      - {when: "record.title.startsWith('vip')", value: VIP@example.com, with: {group.name: "for ${title}"}}
      - {with: {group.name: desk}}
"""


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("vip", {"who": {"mail": "vip@example.com"}, "group": {"name": "for vip"}}),
        ("x", {"who": "", "group": {"name": "desk"}}),
        (None, {"who": "", "group": {"name": "desk"}}),  # a condition that cannot be decided is passed over
    ],
)
def test_a_fallback_is_written_with_its_own_companions(tmp_path: Path, title: str | None, expected: Any) -> None:
    mapping = compiled(tmp_path, COVERED)
    record = {"title": title, "owner": "gone@example.com"}
    chosen = next(each for each in mapping.fields["owner"].fallbacks if each.fits(record))
    assert mapping.write({"owner": chosen.ext}, record, {"owner": chosen}) == expected
