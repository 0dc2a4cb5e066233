"""What a change does to what is linked and held."""

from __future__ import annotations

from typing import Any, cast

from gateway.config import Config
from gateway.config.written import Change
from gateway.work import applying

NOBODY = cast(Config, cast(Any, None))


def test_a_name_that_comes_back_says_that_objects_are_linked_under_it() -> None:
    """Removed and registered anew it may be another system, with other objects under the same ids."""
    again = Change(kind="connection", name="desk", change="added")
    step = applying._judged(again, NOBODY, NOBODY, {}, {("tickets", "desk"): 2, ("people", "desk"): 1})
    assert step.does == ("linked objects from before: 3; it has to be the same system as then",)
    assert applying._judged(again, NOBODY, NOBODY, {}, {("tickets", "other"): 2}).does == ()
