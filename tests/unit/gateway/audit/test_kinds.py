"""Every kind of entry that the program can write stands in the list with its severity, and the list names no other."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from gateway.core.known_kinds import KINDS
from gateway.sync.attempts import Outcome
from gateway.versions.store import Kind as VersionKind
from tests.support.trail_kinds import Found, search

REPOSITORY = Path(__file__).resolve().parents[4]
VALUES = {
    "configuration_*": ["configuration_applied", "configuration_found"],
    "replay_*": ["replay_pause", "replay_resume", "replay_stop"],
    "mapping_*": [f"mapping_{each}" for each in VersionKind],
    "<outcome>": [str(each) for each in Outcome if each is not Outcome.OPEN],
}
"""What stands where the text has a value of the program. An enumeration that grows fails here."""


def test_the_search_sees_what_is_written(tmp_path: Path) -> None:
    """Would pass wrongly if the search found nothing: so it is given one of each way to write a kind."""
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "some.py").write_text(
        "LOUD = 'by_constant'\n"
        "async def wrapped(tx, kind, detail): await note(tx, kind=kind, detail=detail)\n"
        "async def one(tx, unit, yes, verb, thing):\n"
        "    await note(tx, kind='by_keyword', actor='')\n"
        "    unit.audit('by_unit', 'jira')\n"
        "    await wrapped(tx, 'by_wrapper', {})\n"
        "    chosen = 'either' if yes else 'or'\n"
        "    await note(tx, kind=chosen)\n"
        "    await note(tx, kind=LOUD)\n"
        "    await note(tx, kind=f'by_{verb}')\n"
        "    await note(tx, kind=thing.kind)\n"
        "    rows = [{'kind': 'by_row', 'actor': 'x', 'cause': ''}]\n"
    )
    found = search(tmp_path)
    assert {"by_keyword", "by_unit", "by_wrapper", "either", "or", "by_constant", "by_row"} == found.kinds.keys()
    assert list(found.patterns) == ["by_*"]
    assert len(found.unseen) == 1


@cache
def _found() -> Found:
    return search(REPOSITORY)


def test_every_kind_has_its_severity() -> None:
    found = _found()
    assert found.unseen == [], "write the kind as a text, so that it can be found"
    unknown = sorted(f"{kind} ({at})" for kind, at in _written(found).items() if kind not in KINDS)
    assert unknown == [], "add a line to gateway/core/known_kinds.py"


def test_the_list_names_nothing_that_is_never_written() -> None:
    assert sorted(KINDS.keys() - _written(_found()).keys()) == []


def _written(found: Found) -> dict[str, str]:
    written = dict(found.kinds)
    for pattern, at in found.patterns.items():
        assert pattern in VALUES, f"{at}: say in this test what {pattern} can be"
        written |= dict.fromkeys(VALUES[pattern], at)
    return written


def test_patterns_say_what_they_stand_for() -> None:
    for pattern, values in VALUES.items():
        assert all(fnmatchcase(each, pattern) for each in values if not pattern.startswith("<"))
