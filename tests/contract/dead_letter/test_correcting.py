"""A value that no system holds is entered by who has the right to correct, and by nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dead_letter.classify import Cause
from dead_letter.errors import CorrectionMoved, DecisionRefused
from dead_letter.store import open_cases
from gateway.access import rights
from gateway.access.rights import NotAllowed, Principal, Right, Role
from gateway.storage.database import Database
from gateway.work import cases
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.place import Clock, known, person, workplace
from tests.support.cases import NOW, wish

ANN, ADA = person("ann", Role.OPERATOR), person("ada", Role.ADMIN)
CORRECT: dict[str, Any] = {"field": "summary", "old": "x", "new": "y", "reason": "a slip"}
RESOLVE: dict[str, Any] = {"value": "y", "reason": "neither is right"}


async def _two(place: Workplace) -> tuple[str, str]:
    """A refused write, and a conflict over a field; no record is kept behind them."""
    new = (
        wish("r1"),
        wish("r2", Cause.CONFLICT_MANUAL, field="summary", evidence={"sides": {"canonical": 1, "jira": 2}}),
    )
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=NOW)
    first, second = (found[each.key] for each in new)
    return first, second


async def _tried(place: Workplace, who: Principal, refused: str, conflict: str) -> list[str]:
    """What came of each way to enter a value."""
    outcomes = []
    for verb in (
        cases.act(place, who, refused, "correct", CORRECT),
        cases.act(place, who, conflict, "resolve", RESOLVE),
        cases.preview_correction(place, who, refused, "summary", "y"),
    ):
        try:
            await verb
            outcomes.append("done")
        except NotAllowed as error:
            outcomes.append(f"lacks {error.right}")
        except (DecisionRefused, CorrectionMoved):
            outcomes.append("allowed")  # the right was there; the value is another matter
    return outcomes


async def test_it_is_a_right_of_its_own(place: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    refused, conflict = await _two(place)
    without = {**rights._RIGHTS, Role.OPERATOR: rights._RIGHTS[Role.OPERATOR] - {Right.CORRECT}}
    assert "lacks correct" not in await _tried(place, ADA, refused, conflict)
    monkeypatch.setattr(rights, "_RIGHTS", without)
    assert await _tried(place, ANN, refused, conflict) == ["lacks correct"] * 3
    view = await cases.get_case(place, ANN, refused)
    correct = next(each for each in view.actions if each.name == "correct")
    assert not correct.allowed and "'correct'" in correct.why_not
    assert next(each for each in view.actions if each.name == "comment").allowed, "everything else goes on"


async def test_a_configuration_can_take_it_from_operators(whole: Database, tmp_path: Path, clock: Clock) -> None:
    place = workplace(whole, tmp_path, clock, extra="\ncases: {correct: [admin]}\n")
    await known(whole, ANN, ADA)
    refused, conflict = await _two(place)
    assert await _tried(place, ANN, refused, conflict) == ["lacks correct"] * 3
    with pytest.raises(NotAllowed, match=r"cases\.correct names admin"):
        await cases.act(place, ANN, refused, "correct", CORRECT)
    assert "lacks correct" not in await _tried(place, ADA, refused, conflict)


async def test_to_choose_a_side_is_no_correction(whole: Database, tmp_path: Path, clock: Clock) -> None:
    place = workplace(whole, tmp_path, clock, extra="\ncases: {correct: [admin]}\n")
    _, conflict = await _two(place)
    with pytest.raises(DecisionRefused):
        await cases.act(place, ANN, conflict, "resolve", {"choice": "nobody", "reason": "x"})
