"""A person's display is kept in a cookie, which may hold anything."""

from __future__ import annotations

import pytest

from gateway.console.display import Display, read


def test_what_is_kept_is_read() -> None:
    chosen = Display(theme="dark", clock="local", keys="off")
    assert read(chosen.text()) == chosen


@pytest.mark.parametrize("text", ["", "pink.utc.on", "dark", "a.b.c.d.e", "\x00"])
def test_what_is_not_known_is_as_at_first(text: str) -> None:
    found = read(text)
    assert found.theme in ("system", "dark")
    assert (found.clock, found.keys) == ("utc", "on")
