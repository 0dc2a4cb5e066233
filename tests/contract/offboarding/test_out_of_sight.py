"""What a system shows no more is not gone by that."""

from __future__ import annotations

from connectors.contract.access import GrantKind
from gateway.offboarding.values import LeaverState, StepState
from tests.contract.offboarding.test_executor import ann
from tests.support.leaving import DAY, House

HIDDEN = {GrantKind.ROLE: "the integration user may not read roles"}


async def test_what_is_not_shown_any_more_is_not_gone(home: House) -> None:
    ann(home)
    wiki = home.systems["wiki"]
    await home.tell(ends_in=DAY)
    await home.run(3600)
    wiki.hidden = HIDDEN
    await home.run(DAY + 600)
    # It was seen before, so it is asked to go; that it is not shown then proves nothing, and holds up nothing else.
    step = (await home.steps())["wiki/role:root"]
    assert step.state is StepState.FAILED and "may not read roles" in step.doc.error
    assert (await home.leaver()).state is LeaverState.OPEN and "leaver.failed" in await home.cases()
    assert "account:a1" in wiki.ended


async def test_what_goes_out_of_sight_while_it_ends_is_not_gone(home: House) -> None:
    ann(home)
    wiki = home.systems["wiki"]
    wiki.faults = ["ignored"]
    await home.tell()
    await home.run()
    wiki.hidden = HIDDEN
    await home.run(30)
    assert (await home.steps())["wiki/role:root"].state is StepState.DOING
    wiki.hidden = {}
    await home.run(300)
    assert (await home.leaver()).state is LeaverState.DONE and wiki.has("a1") == []


async def test_what_was_hidden_all_along_hinders_no_proof_of_what_is_shown(home: House) -> None:
    ann(home)
    home.systems["wiki"].unseen = {GrantKind.ROLE: "rights of another kind are not listed"}
    await home.tell()
    await home.run()
    assert (await home.leaver()).state is LeaverState.DONE


async def test_a_check_that_does_not_see_it_counts_for_nothing(home: House) -> None:
    ann(home)
    await home.tell()
    await home.run()
    home.systems["wiki"].hidden = HIDDEN
    await home.run(2 * 3600)
    steps = await home.steps()
    assert (await home.places())["wiki"].doc.checks == 1
    assert steps["wiki/group:staff"].checks == 1 and steps["wiki/role:root"].checks == 0
