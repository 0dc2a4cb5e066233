"""Numbers as people write them."""

from __future__ import annotations

import pytest

from dead_letter.values import format_number, parse_number


@pytest.mark.parametrize(("text", "number"), [("FO-17", 17), ("fo-17", 17), (" 17 ", 17), (format_number(1), 1)])
def test_read(text: str, number: int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "FO-", "FO-x", "-1", "1.5", "\u0661", "9" * 19, "FO-FO-1", "\u00b2"])
def test_not_a_number(text: str) -> None:
    assert parse_number(text) is None
