"""What somebody has ends in each system, and counts as ended only when it was read back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from connectors.comments import undress
from connectors.contract.access import Account, Grant, GrantKind
from connectors.contract.limits import Purpose
from gateway.config.leavers import ByHand, Due, Leavers, LeaverSystem, Role
from gateway.offboarding.values import Event, LeaverState, Person, StepState, SystemState
from tests.support.leaving import ANN, DAY, House


def ann(home: House, name: str = "wiki") -> None:
    home.systems[name].give("a1", (GrantKind.GROUP, "staff"), (GrantKind.ROLE, "root"), email=ANN.email, admin="root")


async def test_everything_ends_in_its_order_and_is_read_back(home: House) -> None:
    ann(home)
    await home.tell()
    await home.run()
    assert home.systems["wiki"].has("a1") == []
    assert home.systems["wiki"].ended == ["role:root", "group:staff", "account:a1"]
    leaver, steps = await home.leaver(), await home.steps()
    assert leaver.state is LeaverState.DONE and leaver.privileged
    assert {each.state for each in steps.values()} == {StepState.GONE}
    # A look after the last request, and not the answer to it, is what says so.
    assert all(each.doc.looks and not each.doc.looks[-1].there for each in steps.values())
    assert home.systems["wiki"].purposes == {Purpose.LEAVER}
    assert home.gone.departed and home.gone.left == ["LV-1"]
    assert (await home.places())["shop"].state is SystemState.NONE


async def test_an_answer_alone_proves_nothing(home: House) -> None:
    ann(home)
    home.systems["wiki"].faults = ["ignored"]
    await home.tell()
    await home.run()
    steps = await home.steps()
    assert steps["wiki/role:root"].state is StepState.DOING
    await home.run(300)
    # Still there when it must have shown: sent again, and gone then.
    assert (await home.steps())["wiki/role:root"].state is StepState.GONE
    assert [each for each, _ in home.systems["wiki"].sent].count("root") == 2


async def test_what_a_system_shows_late_is_not_sent_twice(home: House) -> None:
    ann(home)
    home.systems["wiki"].faults = ["late"]
    await home.tell()
    await home.run(10)
    home.systems["wiki"].settle()
    await home.run(120)
    assert (await home.leaver()).state is LeaverState.DONE
    assert [each for each, _ in home.systems["wiki"].sent].count("root") == 1


@pytest.mark.parametrize(("fault", "sent"), [("cut", 1), ("lost", 2)])
async def test_no_answer_is_settled_by_looking(home: House, fault: str, sent: int) -> None:
    ann(home)
    home.systems["wiki"].faults = [fault]
    await home.tell()
    await home.run()
    before = [each for each, _ in home.systems["wiki"].sent].count("root")
    assert before == 1  # nothing is sent again before the request must have settled
    await home.run(60)
    assert (await home.steps())["wiki/role:root"].state is StepState.GONE
    assert [each for each, _ in home.systems["wiki"].sent].count("root") == sent


async def test_a_refusal_asks_people_and_holds_up_nothing_else(home: House) -> None:
    ann(home)
    home.systems["wiki"].faults = ["refused"]
    await home.tell()
    await home.run(600)
    steps = await home.steps()
    assert steps["wiki/role:root"].state is StepState.FAILED
    assert steps["wiki/account:a1"].state is StepState.GONE
    assert (await home.leaver()).state is LeaverState.OPEN
    assert "leaver.failed" in await home.cases()


async def test_an_outage_costs_no_try_and_goes_on_by_itself(home: House) -> None:
    ann(home)
    home.systems["wiki"].down = True
    await home.tell()
    await home.run(600)
    place = (await home.places())["wiki"]
    assert place.waits and place.tries == 0 and home.systems["wiki"].asked < 30
    home.systems["wiki"].down = False
    await home.run(120)
    assert (await home.leaver()).state is LeaverState.DONE


async def test_dead_credentials_hold_it(home: House) -> None:
    ann(home)
    home.systems["wiki"].dead = True
    await home.tell()
    await home.run(60)
    assert "credentials" in (await home.places())["wiki"].waits
    home.systems["wiki"].dead = False
    await home.run(120)
    assert (await home.leaver()).state is LeaverState.DONE


async def test_a_deadline_that_passes_is_told_once_and_closed_when_it_is_over(home: House) -> None:
    ann(home)
    home.rules = Leavers(due=Due(600.0, 300.0))
    home.systems["wiki"].down = True
    await home.tell()
    await home.run(900)
    assert "leaver.past_due" in await home.cases()
    assert (await home.told()).count("leaver_past_due") == 1
    home.systems["wiki"].down = False
    await home.run(120)
    assert "leaver.past_due" not in await home.cases()


async def test_it_is_looked_at_again_and_what_came_back_is_taken_away_again(home: House) -> None:
    ann(home)
    await home.tell()
    await home.run(2 * 3600)
    assert (await home.places())["wiki"].doc.checks == 1
    home.systems["wiki"].grants["a1"].append(Grant(kind=GrantKind.GROUP, id="staff", name="staff"))
    await home.run(25 * 3600)
    assert home.systems["wiki"].has("a1") == []
    assert "leaver.drift" in await home.cases()
    assert (await home.steps())["wiki/group:staff"].doc.drifted_at
    await home.run(9 * DAY)
    leaver = await home.leaver()
    assert leaver.state is LeaverState.CLOSED and leaver.closed_at
    assert (await home.steps())["wiki/group:staff"].checks == 3


async def test_an_account_that_appears_later_is_found_by_the_check(home: House) -> None:
    await home.tell()
    await home.run()
    assert (await home.leaver()).state is LeaverState.DONE
    ann(home, "shop")
    await home.run(2 * 3600)
    assert home.systems["shop"].has("a1") == []
    assert "leaver.drift" in await home.cases()


async def test_before_its_time_it_is_only_looked_at(home: House) -> None:
    ann(home)
    await home.tell(ends_in=3 * DAY)
    await home.run(2 * DAY)
    assert home.systems["wiki"].sent == []
    steps = await home.steps()
    assert {each.state for each in steps.values()} == {StepState.PLANNED} and len(steps) == 3
    assert (await home.leaver()).privileged
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "new"), email=ANN.email)
    await home.run(DAY + 120)
    # Planned anew: what was gone by then needed nothing, and what was new is gone, too.
    assert home.systems["wiki"].ended == ["group:new", "account:a1"]
    assert (await home.leaver()).state is LeaverState.DONE


async def test_two_accounts_are_a_question(home: House) -> None:
    ann(home)
    home.systems["wiki"].give("a2", (GrantKind.GROUP, "other"), name="ann", email="ann.other@example.com")
    await home.tell()
    await home.run(600)
    place = (await home.places())["wiki"]
    assert place.state is SystemState.WHICH and {each.id for each in place.doc.choices} == {"a1", "a2"}
    assert home.systems["wiki"].sent == [] and "leaver.which" in await home.cases()


async def test_a_user_name_alone_with_another_address_is_a_question(home: House) -> None:
    home.systems["wiki"].give("a2", name="ann", email="ann.other@example.com")
    await home.tell()
    await home.run(600)
    assert (await home.places())["wiki"].state is SystemState.WHICH and home.systems["wiki"].sent == []


async def test_work_goes_to_the_manager_and_before_the_account_where_it_must(home: House) -> None:
    rules = Leavers(systems={"wiki": LeaverSystem(Due(), hand_over_first=True)})
    home.rules = rules
    wiki = home.systems["wiki"]
    wiki.give("a1", (GrantKind.WORK, "T-1"), email=ANN.email)
    wiki.give("b1", email="bob@example.com")
    await home.tell()
    await home.run()
    assert wiki.handed == {"T-1": "b1"}
    assert wiki.ended == ["work:T-1", "account:a1"]


async def test_the_notes_are_marked_as_ours_each_with_its_own_mark(home: House) -> None:
    """Else a flow takes the note for a person's comment, and carries it to the other systems, which have their own."""
    for name in ("wiki", "shop"):
        home.systems[name].give("a1", (GrantKind.WORK, f"t-{name}"), email=ANN.email)
        home.systems[name].give("b1", email="bob@example.com")
    await home.tell()
    await home.run()
    found = [undress(note) for each in home.systems.values() for note in each.notes]
    assert found and all(each.body == "handed over from Ann Lee, who has left (LV-1)" for each in found)
    assert len({each.origin for each in found if each.origin}) == len(found)


async def test_an_account_whose_work_cannot_be_handed_over_goes_off_at_its_time(home: House) -> None:
    home.rules = Leavers(systems={"wiki": LeaverSystem(Due(), hand_over_first=True)})
    wiki = home.systems["wiki"]
    wiki.give("a1", (GrantKind.WORK, "T-1"), email=ANN.email)
    wiki.faults = ["refused"]
    await home.tell()
    await home.run(3600)
    assert wiki.ended == []
    await home.run(3 * 3600 + 120)
    assert wiki.ended == ["account:a1"]


async def test_what_people_have_to_do_stays_open_until_they_say_so(home: House) -> None:
    ann(home)
    home.systems["wiki"].reasons[GrantKind.ROLE] = "only an owner can"
    home.rules = Leavers(by_hand={"badge": ByHand("Facilities", "take the badge", DAY, frozenset({"leaver"}))})
    await home.tell()
    await home.run(3600)
    steps = await home.steps()
    assert steps["wiki/role:root"].state is StepState.HAND
    assert steps["badge/hand:badge"].doc.owner == "Facilities"
    assert (await home.leaver()).state is LeaverState.OPEN


async def test_who_moves_loses_what_the_new_role_lacks(home: House) -> None:
    finance = Role({"department": ("Finance",)}, {"wiki": (("group", "fin*"), ("group", "all"))})
    sales = Role({"department": ("Sales",)}, {"wiki": (("group", "sales"), ("group", "all"))})
    home.rules = Leavers(roles=(finance, sales))
    groups = [(GrantKind.GROUP, name) for name in ("fin-eu", "all", "chess")]
    home.systems["wiki"].give("a1", *groups, email=ANN.email)
    await home.tell(event=Event.MOVER, before={"department": "Finance"}, after={"department": "Sales"})
    await home.run(120)
    assert home.systems["wiki"].has("a1") == ["group:all", "group:chess", "account:a1"]
    steps = await home.steps()
    assert steps["wiki/group:chess"].state is StepState.NONE and "no role" in steps["wiki/group:chess"].doc.why
    assert (await home.leaver()).state is LeaverState.DONE and not home.gone.departed


@pytest.mark.parametrize("checked", [False, True])
async def test_only_the_newest_role_counts(home: House, checked: bool) -> None:
    finance = Role({"department": ("Finance",)}, {"wiki": (("group", "fin*"),)})
    sales = Role({"department": ("Sales",)}, {"wiki": (("group", "sales"),)})
    home.rules = Leavers(roles=(finance, sales))
    wiki = home.systems["wiki"]
    wiki.give("a1", (GrantKind.GROUP, "fin-eu"), email=ANN.email)
    wiki.down = not checked
    await home.tell(event=Event.MOVER, before={"department": "Finance"}, after={"department": "Sales"})
    await home.run(120)
    await home.tell(event=Event.MOVER, before={"department": "Sales"}, after={"department": "Finance"})
    if checked:  # it was taken away already, and somebody gave it back
        wiki.give("a1", (GrantKind.GROUP, "fin-eu"), (GrantKind.GROUP, "sales"), email=ANN.email)
    wiki.down = False
    await home.run(9 * DAY)
    assert wiki.has("a1") == ["group:fin-eu", "account:a1"]
    first, second = await home.leaver(1), await home.leaver(2)
    assert first.state is LeaverState.CANCELLED and second.state is LeaverState.CLOSED
    assert not {each for each in await home.cases() if each.startswith("leaver.")}


async def test_who_is_away_has_the_account_off_and_nothing_else(home: House) -> None:
    ann(home)
    await home.tell(event=Event.ABSENCE)
    await home.run(120)
    assert home.systems["wiki"].ended == ["account:a1"] and not home.gone.left


async def test_what_is_ignored_again_and_again_is_a_persons(home: House) -> None:
    ann(home)
    home.systems["wiki"].faults = ["ignored"] * 99
    await home.tell()
    await home.run(3600)
    assert [each for each, _ in home.systems["wiki"].sent].count("root") == 3
    assert (await home.steps())["wiki/role:root"].state is StepState.FAILED and "leaver.failed" in await home.cases()


async def test_a_system_that_cannot_end_access_is_for_people_only_where_it_is_named(home: House) -> None:
    await home.tell()
    worker = home.worker()
    worker.systems = {name: replace(each, connector=object()) for name, each in worker.systems.items()}
    worker.wanted = frozenset({"shop"})
    await home.run(0, worker=worker)
    places = await home.places()
    assert places["wiki"].state is SystemState.OVER and places["shop"].state is SystemState.HAND


async def test_an_account_that_is_off_already_needs_nothing(home: House) -> None:
    home.systems["wiki"].accounts_by_id["a1"] = Account(id="a1", name="ann", email=ANN.email, active=False)
    home.systems["wiki"].grants["a1"] = []
    await home.tell()
    await home.run()
    assert (await home.leaver()).state is LeaverState.DONE and not home.systems["wiki"].sent
    step = (await home.steps())["wiki/account:ann"]
    assert step.state is StepState.GONE and step.gone_at and "was off" in step.doc.why
    # Switched on later it is a drift like any other.
    home.systems["wiki"].grants["a1"] = [Grant(kind=GrantKind.ACCOUNT, id="a1", name="ann")]
    await home.run(2 * 3600)
    assert home.systems["wiki"].ended == ["account:a1"] and "leaver.drift" in await home.cases()


async def test_the_loop_takes_up_what_is_due_and_ends_at_once(home: House) -> None:
    ann(home)
    await home.tell()
    worker = home.worker()
    await worker.start()
    async with asyncio.timeout(30):
        while (await home.leaver()).state is not LeaverState.DONE:
            worker.stirred.set()
            await asyncio.sleep(0.01)
    assert [task.done() for task in worker.tasks] == [False]
    # Also with a request under way that is never answered.
    home.systems["shop"].give("s1", email="bob@example.com")
    asked = asyncio.Event()

    async def hangs(account: str) -> object:
        asked.set()
        return await asyncio.Event().wait()

    home.systems["shop"].holdings = hangs  # type: ignore[method-assign, assignment]
    await home.tell(Person(email="bob@example.com"))
    worker.stirred.set()
    async with asyncio.timeout(30):
        await asked.wait()
    await worker.stop()
    assert worker.tasks == []
