"""References in texts: what is found, and that a pattern can only be matched in one way."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mappings.finding import LONGEST, MOST, TEXT, finder, parse_pattern
from tests.unit.mappings.support import compiled

KEY = r"[A-Z][A-Z0-9]+-\d+"
atoms = st.sampled_from(["A", "B", "-", "#", "[AB]", "[A-]", r"\d", r"\w", r"\-", "[1-2]"])
repeats = st.sampled_from(["", "", "+", "*", "?", "{2}", "{1,3}", "{2,}"])
patterns = st.lists(st.builds(str.__add__, atoms, repeats), min_size=1, max_size=5).map("".join)
texts = st.text(alphabet="AB12-#_ x/", max_size=30)


@given(pattern=patterns, text=texts)
@example(pattern=KEY, text="AB-1 xAB-2 AB-3x (AB-4)")
def test_a_pattern_that_is_accepted_finds_what_a_regular_expression_finds(pattern: str, text: str) -> None:
    """Ours never goes back over what it took. If there were a second way to match, the engine that tries them all
    would find something else here.
    """
    try:
        ours = parse_pattern(pattern)
    except ValueError:
        assume(False)
    before, after = ours.pattern.startswith("(?<!"), ours.pattern.endswith("(?![A-Za-z0-9])")
    plain = ("(?<![A-Za-z0-9])" if before else "") + pattern + ("(?![A-Za-z0-9])" if after else "")
    theirs = {match.group() for match in re.compile(plain, re.ASCII).finditer(text)}
    assert set(finder([pattern])(text)) == theirs


@given(st.text(max_size=20))
def test_any_pattern_is_understood_or_refused(pattern: str) -> None:
    with suppress(ValueError):
        assert parse_pattern(pattern).search("") is None


@given(texts=st.lists(st.text() | texts, max_size=3))
def test_what_is_found_stands_there_once_and_alone(texts: list[str]) -> None:
    found = finder([KEY])(texts)
    assert found == sorted(set(found))
    for each in found:
        assert any(re.search(rf"(?<![A-Za-z0-9]){each}(?![A-Za-z0-9])", text) for text in texts)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (KEY, "OPS-12: mend it, see PAY-3 and OPS-12", ["OPS-12", "PAY-3"]),
        (KEY, "https://jira.example/browse/OPS-99?focused=1 feature/OPS-9_mend", ["OPS-9", "OPS-99"]),
        (KEY, "aOPS-1 OPS-1a ops-1 OPS - 1", []),
        (r"INC\d{7,10}", "INC0010001, INC001, XINC0010002", ["INC0010001"]),
        (r"sys_id=([0-9a-f]{32})", "incident.do?sys_id=" + "0a" * 16 + "&x=1", ["0a" * 16]),
        (r"#(\d+)", "closes #12, (#13) a#b", ["12", "13"]),
        (KEY, None, []),
        (KEY, {"text": "OPS-1"}, []),
    ],
)
def test_what_is_found(pattern: str, text: object, expected: list[str]) -> None:
    assert finder([pattern])(text) == expected


def test_what_is_looked_through_and_found_is_bounded() -> None:
    assert finder([KEY])("x" * TEXT + " OPS-1") == []
    assert len(finder([KEY])(" ".join(f"OPS-{number}" for number in range(10 * MOST)))) == MOST
    assert finder([KEY])("OPS-" + "1" * (LONGEST + 1)) == [], "too long a number is not cut to another key"


def test_a_mapping_finds_in_all_places(tmp_path: Path) -> None:
    mapping = compiled(
        tmp_path,
        "fields:\n  title: {path: t}\n  tags: {path: [t, body, refs.to], direction: in, find: ['[A-Z]+-\\d+']}\n",
    )
    assert mapping.read({"t": "OPS-2", "body": None, "refs": {"to": ["PAY-1", "OPS-2"]}})["tags"] == ["OPS-2", "PAY-1"]
    assert mapping.read({"t": "nothing"})["tags"] == []
    assert "tags" not in mapping.read({})
    assert mapping.from_ext("tags", ["OPS-2"]) == ["OPS-2"]
    assert "tags" not in mapping.history({"t": "OPS-3"}), "a part of the document does not tell all of them"
