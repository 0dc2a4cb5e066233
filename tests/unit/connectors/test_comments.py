"""Dressing of copied comments."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.comments import dress, marker, undress
from connectors.contract.values import ItemDraft

ORIGINS = st.from_regex(r"\A[a-z][a-z0-9-]{0,10}:[A-Za-z0-9]{1,32}\Z")


@settings(deadline=None)
@given(body=st.text(), author=st.text(alphabet=st.characters(exclude_characters="\n"), max_size=20), origin=ORIGINS)
def test_undress_takes_off_what_dress_put_on(body: str, author: str, origin: str) -> None:
    draft = ItemDraft(kind="comment", body=body, author=author, at=0.0, origin=origin, origin_label="Jira")
    assert undress(dress(draft)) == (body, origin)


@settings(deadline=None)
@given(st.text())
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert undress(text) == (text, None)


def test_a_marker_counts_only_on_the_last_line() -> None:
    quoted = f"look:\n{marker('jira:1')}\nthat is a copy"
    assert undress(quoted) == (quoted, None)
    assert undress(f"Bob via Jira:\nhello\n{marker('jira:1')}\n\n") == ("hello", "jira:1")
