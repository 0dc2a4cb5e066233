"""A form and its file say the same: values go in and come out, and what the form knows nothing of stays."""

from __future__ import annotations

from connectors.contract.written.places import Source
from gateway.config.parts import PART, places_of, value_at, with_values

TEXT = """\
# our desk
connections:
  desk:
    connector: desk
    url: https://desk.example   # theirs
    poll: {every: 60s}
    rate: 5
"""
HERE = ("connections", "desk")


def test_what_is_put_in_comes_out_and_the_rest_stays() -> None:
    text = with_values(TEXT, {(*HERE, "url"): "https://new.example", (*HERE, "options", "site"): 7})
    assert value_at(text, (*HERE, "url")) == "https://new.example"
    assert value_at(text, (*HERE, "options", "site")) == 7
    assert text.startswith("# our desk\n") and "# theirs" in text and "rate: 5" in text
    assert with_values(text, {(*HERE, "url"): "https://new.example"}) == text, "said again it is the same"


def test_what_is_empty_goes_with_the_block_that_it_leaves_empty() -> None:
    text = with_values(TEXT, {(*HERE, "poll", "every"): ""})
    assert value_at(text, (*HERE, "poll")) is None
    assert value_at(with_values(text, {(*HERE, "label"): ""}), HERE) == value_at(text, HERE)
    assert "options" not in with_values(TEXT, {(*HERE, "options", "site"): ""}), "nothing is made to hold nothing"


def test_a_text_that_cannot_be_read_is_left_alone() -> None:
    broken = "connections: {desk: [\n"
    assert with_values(broken, {(*HERE, "url"): "x"}) == broken
    assert value_at(broken, HERE) is None


def test_a_problem_says_what_it_is_about() -> None:
    source = Source(PART, TEXT)
    value, key = source.problem((*HERE, "url"), "r", "t"), source.problem((*HERE, "rate"), "r", "t", key=True)
    assert [keys for keys, _ in places_of(TEXT, [value, key])] == [(*HERE, "url"), (*HERE, "rate")]
    elsewhere = Source("other.yaml", TEXT).problem((*HERE, "url"), "r", "t")
    assert places_of(TEXT, [elsewhere])[0][0] == ()
