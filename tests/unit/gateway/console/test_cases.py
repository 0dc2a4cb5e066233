"""Which cases an address asks for, and in which order."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from dead_letter.values import Sort
from gateway.console.cases import filter_of, given_of


@pytest.mark.parametrize(
    ("address", "order"),
    [
        ({}, Sort.PRIORITY),
        ({"owner": "nobody"}, Sort.PRIORITY),
        ({"owner": "me"}, Sort.PRIORITY),
        ({"state": "closed"}, Sort.NEWEST),
        ({"state": "closed", "sort": "due"}, Sort.DUE),
    ],
)
def test_what_is_open_is_in_the_order_of_its_priority(address: dict[str, str], order: Sort) -> None:
    asked = cast(Any, SimpleNamespace(now=0.0, who=SimpleNamespace(name="ann")))
    assert filter_of(asked, given_of(address)).sort is order
