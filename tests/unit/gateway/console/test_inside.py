"""No page sends anybody to another site."""

from __future__ import annotations

import pytest

from gateway.console.inside import inside


@pytest.mark.parametrize("to", ["/", "/cases?state=open&q=a%20b", "/c/FO-1842", "/settings#keys"])
def test_our_own_paths(to: str) -> None:
    assert inside(to, "/now") == to


@pytest.mark.parametrize(
    "to",
    ["", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/\n/evil.example", "now"],
)
def test_everything_else(to: str) -> None:
    assert inside(to, "/now") == "/now"
