"""What templates may call: words for times and numbers, addresses, and texts that stay texts."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest

from gateway.console import rendering
from gateway.console.rendering import age, environment, initials, many, moment, path, query, show


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172_799, "47 h"), (172_800, "2 d")],
)
def test_ages_are_short(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_a_clock_that_was_set_back_makes_no_negative_age() -> None:
    assert age(-30) == "0 s"


def test_moments_are_utc_with_seconds() -> None:
    assert moment(1_763_712_000.9) == "2025-11-21 08:00:00Z"


@pytest.mark.parametrize(("count", "said"), [(0, "0 cases"), (1, "1 case"), (1204, "1\u202f204 cases")])
def test_counts_have_their_noun(count: int, said: str) -> None:
    assert many(count, "case") == said


def test_values_are_shown_without_losing_what_they_are() -> None:
    assert show(None) == show("") == rendering.NOTHING
    assert show(["b", "a"]) == "a, b"
    assert show({"a": 1}) == '{"a":1}'
    assert show(0) == "0"
    assert show(False) == "false"


def test_addresses_hold_anything() -> None:
    assert path("r", "jira", "issue", "a/b c?") == "/r/jira/issue/a%2Fb%20c%3F"
    assert query({"a": "1", "b": "x y"}, b="", c="<>") == "?a=1&c=%3C%3E"


def test_initials() -> None:
    assert [initials(name) for name in ("Nadia Petrova", "ada", "o.brien@example.com", "")] == ["NP", "A", "OB", "?"]


def test_what_is_undefined_is_an_error_and_what_is_foreign_is_escaped() -> None:
    made = environment()
    with pytest.raises(jinja2.UndefinedError):
        made.from_string("{{ nothing }}").render()
    assert made.from_string("{{ text }}").render(text="<b>") == "&lt;b&gt;"


def test_no_template_switches_escaping_off_or_holds_script_or_style() -> None:
    templates = list((rendering.HERE / "templates").iterdir())
    assert len(templates) > 15
    for file in templates:
        text = file.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape|style=|\son\w+=|<style|javascript:", text), file.name
        assert not re.findall(r"<script(?![^>]*\bsrc=)", text), file.name
        assert "http://" not in text.replace("http://www.w3.org", ""), file.name


def test_every_shape_is_drawn() -> None:
    from gateway.console.words import CONNECTIONS, STATES

    drawn = set(re.findall(r'name == "(\w+)"', (rendering.HERE / "templates" / "shapes.html").read_text()))
    assert {look.shape for look in (*STATES.values(), *CONNECTIONS.values())} <= drawn


def test_every_module_of_the_script_is_served_from_its_folder() -> None:
    folder: Path = rendering.HERE / "static"
    for file in folder.glob("*.js"):
        for name in re.findall(r'from "\./([\w.]+)"', file.read_text()):
            assert (folder / name).is_file(), f"{file.name} asks for {name}"
