"""The names of copied files: what a person sees, and how a copy is known again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract.values import File
from connectors.files import LONGEST, marked, told, unmarked

ORIGIN = "snow:9c573169c611228700193229fff72400"


@pytest.mark.parametrize(
    ("name", "copy"),
    [
        ("report.pdf", "report [lockstep jira 10001].pdf"),
        ("report", "report [lockstep jira 10001]"),
        (".profile", ".profile [lockstep jira 10001]"),
        ("a.b.tar.gz", "a.b.tar [lockstep jira 10001].gz"),
        ("see [1].txt", "see [1] [lockstep jira 10001].txt"),
        ("mail.log [1]", "mail.log [1] [lockstep jira 10001]"),
    ],
)
def test_the_marker_stands_before_the_ending(name: str, copy: str) -> None:
    assert marked(name, "jira:10001") == copy
    assert unmarked(copy) == (name, "jira:10001")


@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=150))
def test_every_name_comes_back_with_its_origin(name: str) -> None:
    """Passes wrongly if a name ended with what looks like our marker: then it is one."""
    found = unmarked(marked(name, ORIGIN))
    assert found.origin == ORIGIN
    assert found.name.replace(" ", "") == name.replace(" ", "")


def test_a_long_name_loses_of_its_own_and_never_of_the_marker() -> None:
    copy = marked("x" * 300 + ".pdf", ORIGIN)
    assert len(copy) == LONGEST
    assert copy.endswith(".pdf")
    assert unmarked(copy).origin == ORIGIN


@pytest.mark.parametrize("name", ["report.pdf", "[lockstep].pdf", "a [lockstep jira].pdf", "a [lockstep jira 1] b.pdf"])
def test_a_persons_own_name_stays(name: str) -> None:
    assert unmarked(name) == (name, None)


def test_what_cannot_go_is_told_in_words() -> None:
    assert told(File(name="a.bin", size=7), "https://x/1") == "a.bin, 7 bytes: https://x/1"
    assert told(File(name="a.bin", size=7), "") == "a.bin, 7 bytes"
