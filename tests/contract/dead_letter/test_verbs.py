"""The verbs on cases: who may, what they see, what the trail keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from connectors.contract.errors import InputError
from dead_letter.approvals import NOBODY
from dead_letter.classify import Cause
from dead_letter.errors import ApprovalNotFound, CaseNotFound, DecisionRefused, StaleDecision
from dead_letter.evidence import Redactor
from dead_letter.store import open_cases
from dead_letter.values import Case, CaseFilter, CaseState, NewCase
from gateway.access.masking import MASK
from gateway.access.people import Person, add_person
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.audit.tables import audit
from gateway.storage.database import Database
from gateway.work import case_metrics, cases
from gateway.work.case_bodies import BODIES, BodyRefused
from gateway.work.case_upkeep import keep_up
from gateway.work.now import summary
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.place import Clock, known, person, workplace
from tests.support.cases import NOW, wish

ANN = person("ann", Role.OPERATOR)
BOB = person("bob", Role.OPERATOR, Role.APPROVER)
VIEWER = person("vera", Role.VIEWER)
DUPLICATE: dict[str, Any] = {"cause": Cause.OBJECT_DUPLICATE, "flow": "incidents"}


def nowhere(key: str) -> NewCase:
    """A refused write of no record: deciding about it asks no lane."""
    return wish("", key=key, evidence={})


async def opened(place: Workplace, *new: NewCase) -> list[str]:
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=NOW, redactor=Redactor(personal={"assignee"}))
    return [found[each.key] for each in new]


async def trail(place: Workplace) -> list[tuple[str, str, dict[str, Any]]]:
    async with place.database.read() as tx:
        rows = (await tx.execute(select(audit).order_by(audit.c.at, audit.c.id))).all()
    return [(row.kind, row.actor, orjson.loads(row.detail)) for row in rows]


async def test_a_closed_case_is_in_the_trail_with_who_and_why(place: Workplace) -> None:
    (number,) = await opened(place, wish(**DUPLICATE))
    done = await cases.act(place, ANN, number, "close", {"reason_code": "merged"}, expected_version=1)
    assert (done.state, done.version) == (CaseState.CLOSED, 2)
    again = await cases.act(place, ANN, number, "close", {"reason_code": "merged"}, expected_version=1)
    assert again.repeated
    ((kind, actor, detail),) = await trail(place)
    assert (kind, actor, detail["by"], detail["code"]) == ("case_decided", "ann", "user:ann", "merged")
    view = await cases.get_case(place, ANN, number)
    assert (view.case.closed_by, view.case.reason, view.history[-1].code) == (
        "ann",
        "both objects were merged",
        "merged",
    )


async def test_rights_are_asked_here(place: Workplace) -> None:
    (number,) = await opened(place, wish(**DUPLICATE))
    nobody = person("nemo")
    for verb in (
        cases.list_cases(place, nobody),
        cases.group_cases(place, nobody),
        cases.get_case(place, nobody, number),
    ):
        with pytest.raises(NotAllowed):
            await verb
    for action in ("claim", "close", "comment"):
        with pytest.raises(NotAllowed):
            await cases.act(place, VIEWER, number, action, {"text": "x"} if action == "comment" else {"reason": "x"})
    with pytest.raises(NotAllowed):
        await cases.split_group(place, VIEWER, [number], title="x", reason="x")
    view = await cases.get_case(place, VIEWER, number)
    assert {each.allowed for each in view.actions} == {False}
    assert all("operator" in each.why_not for each in view.actions)


async def test_what_is_out_of_scope_is_not_there(place: Workplace) -> None:
    mine, other = await opened(place, wish("r1", connection="jira"), wish("r2", connection="snow"))
    scoped = person("ann", Role.OPERATOR, connections=frozenset({"jira"}))
    assert [each.number for each in (await cases.list_cases(place, scoped)).cases] == [mine]
    assert [each.count for each in await cases.group_cases(place, scoped)] == [1]
    assert [each.number async for each in cases.export_cases(place, scoped)] == [mine]
    for verb in (
        cases.get_case(place, scoped, other),
        cases.act(place, scoped, other, "claim"),
        cases.preview_correction(place, scoped, other, "summary", "x"),
        cases.read_attachment(place, scoped, other, "file_1"),
        cases.split_group(place, scoped, [mine, other], title="x", reason="x"),
    ):
        with pytest.raises(CaseNotFound):
            await verb
    assert (await cases.get_case(place, scoped, mine)).grouped.open == 1
    typed = person("ann", Role.OPERATOR, types=frozenset({"change"}))
    assert (await cases.list_cases(place, typed)).cases == ()
    wider = CaseFilter(connections=frozenset({"jira", "snow"}))
    assert len((await cases.list_cases(place, scoped, wider)).cases) == 1, "nobody widens their own scope"


async def test_a_request_out_of_scope_is_not_there(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    (number,) = await opened(place, wish(cause=Cause.OUTCOME_UNPROVABLE))
    asked = await cases.act(place, ANN, number, "declare_applied", {"reason": "seen", "proof": "OPS-1"})
    elsewhere = person("bob", Role.APPROVER, connections=frozenset({"snow"}))
    assert await cases.list_approvals(place, elsewhere) == []
    with pytest.raises(ApprovalNotFound):
        await cases.approve(place, elsewhere, asked.approval)


async def test_personal_values_are_masked_for_who_may_not_see_them(place: Workplace) -> None:
    evidence = {"assignee": "ann@example.com", "answer": {"status": 400, "body": '{"assignee": "ann@example.com"}'}}
    by_name, by_field = await opened(
        place,
        wish("r1", evidence=evidence),
        wish("r2", field="assignee", title="nobody is ann@example.com", evidence={"value": "ann@example.com"}),
    )
    for number in (by_name, by_field):
        seen = await cases.get_case(place, ANN, number)
        assert b"ann@example.com" in orjson.dumps(seen.case.evidence) and not seen.masked
        assert (await trail(place))[-1][:2] == ("personal_seen", "ann"), "a look in clear is audited"
        hidden = await cases.get_case(place, VIEWER, number)
        assert b"ann@example.com" not in orjson.dumps(hidden.case.evidence) and hidden.masked
        assert MASK in orjson.dumps(hidden.case.evidence).decode()
        assert "ann@example.com" not in hidden.verdict[0]
    for found in ((await cases.list_cases(place, VIEWER)).cases, await cases.group_cases(place, VIEWER)):
        assert not any("ann@example.com" in each.title for each in found)
    exported = [orjson.dumps(each.evidence) async for each in cases.export_cases(place, VIEWER)]
    assert len(exported) == 2 and not any(b"ann@example.com" in each for each in exported)
    assert ("case_export", "vera") in [(kind, actor) for kind, actor, _ in await trail(place)]


async def test_a_second_person_agrees(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    (number,) = await opened(place, wish(cause=Cause.OUTCOME_UNPROVABLE))
    body = {"reason_code": "seen_in_system", "proof": "OPS-1 shows it"}
    asked = await cases.act(place, ANN, number, "declare_applied", body, expected_version=1)
    assert asked.approval and asked.state is CaseState.OPEN
    (waiting,) = await cases.list_approvals(place, BOB)
    assert (waiting.may_decide, waiting.reason, waiting.text) == (
        True,
        "it was seen in the system",
        "declare applied OPS-1 shows it",
    )
    (own,) = await cases.list_approvals(place, ANN)
    assert not own.may_decide
    for who in (VIEWER, ANN):
        with pytest.raises(NotAllowed):
            await cases.approve(place, who, asked.approval)


async def test_self_approval_is_refused_and_stays_in_the_trail(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    (number,) = await opened(place, wish(cause=Cause.OUTCOME_UNPROVABLE))
    both = person("bob", Role.OPERATOR, Role.APPROVER)
    await known(place.database, person("cleo", Role.APPROVER))
    body = {"reason": "seen", "proof": "OPS-1"}
    asked = await cases.act(place, both, number, "declare_applied", body, expected_version=1)
    with pytest.raises(DecisionRefused, match="another person"):
        await cases.approve(place, both, asked.approval)
    kind, actor, detail = (await trail(place))[-1]
    assert (kind, actor, detail["request"]) == ("case_self_approval", "bob", asked.approval)
    (waiting,) = await cases.list_approvals(place, ANN)
    assert waiting.state == "pending"


async def test_a_token_of_the_requester_is_the_requester(place: Workplace) -> None:
    """Four eyes count people: a second name and a second id of the same person are no second pair."""
    await known(place.database, ANN, BOB, person("cleo", Role.APPROVER))
    (number,) = await opened(place, wish(cause=Cause.OUTCOME_UNPROVABLE))
    body = {"reason": "seen", "proof": "OPS-1"}
    asked = await cases.act(place, BOB, number, "declare_applied", body, expected_version=1)
    own = Principal(id="token:t1", name="bob (token ci)", roles=BOB.roles, person=BOB.id)
    with pytest.raises(DecisionRefused, match="another person"):
        await cases.approve(place, own, asked.approval)
    (waiting,) = await cases.list_approvals(place, own)
    assert not waiting.may_decide and waiting.state == "pending"
    assert (await cases.withdraw(place, own, asked.approval)).number == number, "it is theirs to take back"


async def test_a_stale_request_ends_and_says_what_moved(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    unknown = wish(cause=Cause.OUTCOME_UNPROVABLE)
    (number,) = await opened(place, unknown)
    asked = await cases.act(place, ANN, number, "declare_applied", {"reason": "x", "proof": "y"})
    await opened(place, wish(cause=Cause.OUTCOME_UNPROVABLE, title="something else"))
    with pytest.raises(StaleDecision) as error:
        await cases.approve(place, BOB, asked.approval)
    assert error.value.moved == ("title changed",)
    view = await cases.get_case(place, ANN, number)
    assert (view.case.pending, view.approvals[0].state, view.approvals[0].note) == ("", "stale", "title changed")


async def test_an_installation_of_one_is_told_so(place: Workplace) -> None:
    """Nobody else may approve this: waiting for them would be for ever."""
    elsewhere = Person(name="eve", roles=frozenset({Role.APPROVER}), connections=frozenset({"snow"}))
    left = Person(name="lee", roles=frozenset({Role.APPROVER}), disabled_at=NOW)
    await known(place.database, ANN)
    async with place.database.begin() as tx:
        await add_person(tx, elsewhere)
        await add_person(tx, left)
    (number,) = await opened(place, nowhere("x"))
    answers = await cases.act_on_many(place, ANN, [(number, 1), ("FO-99", 1)], "discard", {"reason_code": "test_data"})
    first, second = answers
    assert first.done is not None and (first.done.state, first.done.note) == (CaseState.CLOSED, NOBODY)
    assert (second.done, second.code) == (None, "case.not_found")
    assert (await trail(place))[-1][2]["eyes"] == NOBODY


async def test_many_wait_where_one_does_not(place: Workplace) -> None:
    await known(place.database, ANN, BOB)
    new = [nowhere(f"x{n}") for n in range(3)]
    numbers = await opened(place, *new)
    alone = await cases.act(place, ANN, numbers[0], "discard", {"reason": "x"}, expected_version=1)
    assert alone.state is CaseState.CLOSED
    many = await cases.act_on_many(place, ANN, [(each, 1) for each in numbers[1:]], "discard", {"reason": "x"})
    assert [each.done.approval != "" for each in many if each.done] == [True, True]
    stale = await cases.act_on_many(place, ANN, [(numbers[1], 7)], "discard", {"reason": "x"})
    assert stale[0].code == "decision.stale"


async def test_work_through_the_verbs(place: Workplace) -> None:
    (number,) = await opened(place, wish())
    await cases.act(place, ANN, number, "claim")
    await cases.act(place, ANN, number, "comment", {"text": "looking"})
    made = (await cases.act(place, ANN, number, "add_task", {"title": "Ask the owner", "kind": "contact"})).made
    await cases.act(place, BOB, number, "end_task", {"task": made, "note": "they agree"})
    await cases.act(place, ANN, number, "link", {"url": "https://bugs.example/1", "title": "the bug"})
    file = (await cases.act(place, ANN, number, "attach", {"name": "a.txt", "content": "aGk="})).made
    await cases.act(place, ANN, number, "park", {"until": "7d, mapping"}, expected_work=6)
    view = await cases.get_case(place, ANN, number)
    assert (view.case.owner, view.case.state, view.case.version) == ("ann", CaseState.PARKED, 1)
    assert view.case.parked_until.endswith("or the mapping of incidents changes")
    assert [(each.title, each.note) for each in view.tasks] == [("Ask the owner", "they agree")]
    assert [(each.url, each.title) for each in view.links] == [("https://bugs.example/1", "the bug")]
    assert [each.name for each in view.attachments] == ["a.txt"]
    assert (await cases.read_attachment(place, ANN, number, file))[1] == b"hi"
    with pytest.raises(NotAllowed):
        await cases.read_attachment(place, VIEWER, number, file)
    kinds = [kind for kind, _, _ in await trail(place)]
    assert kinds == ["case_worked"] * 7 + ["case_file_read"]
    assert "aGk" not in str(await trail(place)) and "looking" not in str(await trail(place))


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("dance", {}),
        ("claim", {"owner": "x"}),
        ("assign", {}),
        ("park", {"until": ""}),
        ("comment", {"text": 3}),
        ("attach", {"name": "x", "content": "not base64!"}),
        ("add_task", {"title": "x", "kind": "other than that"}),
        ("correct", {"field": "summary"}),
    ],
)
async def test_bodies_that_do_not_fit(place: Workplace, action: str, body: dict[str, Any]) -> None:
    (number,) = await opened(place, wish())
    with pytest.raises(BodyRefused) as error:
        await cases.act(place, ANN, number, action, body)
    assert error.value.status == 422
    assert await trail(place) == []


async def test_every_action_of_a_case_has_a_body(place: Workplace) -> None:
    (number,) = await opened(place, wish())
    view = await cases.get_case(place, ANN, number)
    assert {each.name for each in view.actions} == set(BODIES)
    assert sum(each.recommended for each in view.actions) == 1
    assert all(each.allowed == (each.why_not == "") for each in view.actions)


async def test_a_page_says_all_of_it(place: Workplace, clock: Clock) -> None:
    one, two = await opened(place, wish("r1"), wish("r2"))
    view = await cases.get_case(place, ANN, two)
    assert view.verdict[0].endswith(".") and view.next_step and view.sla.startswith("due in")
    assert view.grouped.open == 2 and ("cause", "target.refused") in [(p.name, p.value) for p in view.grouped.parts]
    assert view.reason_codes["cause_removed"]
    key = await cases.split_group(place, ANN, [one], title="a bug of theirs", reason="seen in their log")
    why = (await cases.get_case(place, ANN, one)).grouped
    assert (why.key, why.title, why.open) == (key, "a bug of theirs", 1)
    assert "ann put key" in why.rules[0] and "seen in their log" in why.rules[0]
    merged = await cases.merge_groups(place, ANN, [key], into=view.grouped.key, reason="the same after all")
    assert (merged.moved, merged.note) == (1, "")
    with pytest.raises(CaseNotFound):
        await cases.merge_groups(place, ANN, [key, "no such"], into=view.grouped.key, reason="x")


async def test_the_gateway_keeps_cases_up(place: Workplace, clock: Clock) -> None:
    numbers = await opened(place, *(wish(f"r{n}") for n in range(12)))
    await cases.act(place, ANN, numbers[0], "park", {"until": "1h"})
    kept = await keep_up(place)
    assert (kept.ranked, kept.unparked, kept.told) == (12, [], [])
    view = await cases.get_case(place, ANN, numbers[0])
    assert "10 or more cases have this cause" in [each.text for each in view.case.reasons]
    clock.advance(3600)
    assert (await keep_up(place)).unparked == [numbers[0]]
    clock.advance(86400)
    kept = await keep_up(place)
    assert {name for _, name in kept.told} == {"overdue"} and len(kept.told) == 12
    assert (await keep_up(place)).told == []


async def test_numbers_of_human_work(place: Workplace, clock: Clock) -> None:
    one, two, three = await opened(place, *(wish(f"d{n}", **DUPLICATE) for n in range(3)))
    await cases.act(place, ANN, one, "claim")
    await cases.act(place, BOB, one, "assign", {"to": "bob", "reason": "ann is away"})
    await cases.act(place, BOB, one, "close", {"reason_code": "merged"})
    clock.advance(100 * 3600)
    await keep_up(place)
    await cases.act(place, BOB, two, "close", {"reason_code": "one_closed"})
    found = await case_metrics.metrics(place, ANN, since=NOW - 1)
    assert (found.created, found.closed, found.by_decision, found.reassigned) == (3, 2, 2, 1)
    assert (found.decided, found.worked) == ({"close": 2}, {"assign": 1, "claim": 1})
    assert found.breaches == 2
    (resolved,) = found.resolved
    assert (resolved.cause, resolved.count, resolved.late) == ("object.duplicate", 2, 1)
    assert resolved.longest_s > 100 * 3600 > resolved.mean_s
    (still,) = found.open
    assert (still.count, still.late, still.unowned) == (1, 1, 1)
    scoped = person("vera", Role.VIEWER, connections=frozenset({"snow"}))
    assert (await case_metrics.metrics(place, scoped, since=NOW - 1)).created == 0
    assert three


async def test_a_bad_cursor_and_a_bad_grouping_are_input(place: Workplace) -> None:
    with pytest.raises(InputError):
        await cases.list_cases(place, ANN, cursor="nonsense")
    with pytest.raises(InputError):
        await cases.group_cases(place, ANN, by="colour")


async def test_a_missed_due_time_goes_to_somebody_once(whole: Database, tmp_path: Path, clock: Clock) -> None:
    place = workplace(whole, tmp_path, clock, extra="\ncases: {sla: {normal: 2h}, escalate_to: lead}\n")
    one, two = await opened(place, wish("r1"), wish("r2"))
    await cases.act(place, ANN, one, "claim")
    await cases.act(place, ANN, two, "park", {"until": "90d"})
    await keep_up(place)
    clock.advance(1.6 * 3600)
    assert (await keep_up(place)).escalated == [], "near is not over"
    clock.advance(3600)
    assert sorted((await keep_up(place)).escalated) == [one, two]
    for number, state in ((one, CaseState.TAKEN), (two, CaseState.PARKED)):
        view = await cases.get_case(place, ANN, number)
        assert (view.case.owner, view.case.state, view.case.escalated) == ("lead", state, 1)
        steps = [(step.actor, step.action, step.choice) for step in view.history if step.actor == "lockstep"]
        assert steps[-2:] == [("lockstep", "overdue", ""), ("lockstep", "escalate", "lead")]
        assert "it was escalated" in [each.text for each in (await ranked(place, number)).reasons]
    async with whole.read() as tx:
        rows = (await tx.execute(select(audit).where(audit.c.kind == "case_worked", audit.c.actor == "lockstep"))).all()
    assert sorted(row.cause for row in rows) == [one, two]
    assert {(orjson.loads(row.detail)["action"], orjson.loads(row.detail)["to"]) for row in rows} == {
        ("escalate", "lead")
    }
    clock.advance(10**6)
    assert (await keep_up(place)).escalated == []
    found = await case_metrics.metrics(place, ANN, since=NOW - 1)
    assert found.worked == {"claim": 1, "park": 1}, "numbers of people's work"


async def test_without_a_name_a_missed_due_time_is_only_told(place: Workplace, clock: Clock) -> None:
    (number,) = await opened(place, wish("r1"))
    clock.advance(10**6)
    kept = await keep_up(place)
    assert (kept.told, kept.escalated) == ([(number, "overdue")], [])


async def ranked(place: Workplace, number: str) -> Case:
    """The case after the next upkeep."""
    await keep_up(place)
    return (await cases.get_case(place, ANN, number)).case


async def test_now_says_of_a_group_what_the_list_says(place: Workplace, clock: Clock) -> None:
    """A title may quote the value that stands in the way: whoever may not see it in the list does not see it here."""
    await opened(place, wish("r1"), wish("r2", field="assignee", title="nobody is ann@example.com", fingerprint="f"))
    for who in (ANN, VIEWER):
        listed = {group.key: group.title for group in await cases.group_cases(place, who)}
        assert ("ann@example.com" in " ".join(listed.values())) is (who is ANN)
        told = await summary(place, who)
        assert {group.key: group.title for group in told.groups} == listed
        assert [group.last_hour for group in told.groups] == [1, 1]
