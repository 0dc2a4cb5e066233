"""Every verb that tells of cases, asked by somebody who may not see personal values: none of them says one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert

from dead_letter.approvals import Actor, FourEyes
from dead_letter.classify import Cause
from dead_letter.evidence import Redactor
from dead_letter.fingerprint import fingerprint
from dead_letter.store import open_cases
from dead_letter.values import CaseFilter, CaseState, NewCase
from gateway.access.rights import Principal, Role
from gateway.sync import tables as t
from gateway.sync.state import RecordState
from gateway.work import cases, pages_audit, pulse, records
from gateway.work.now import summary
from gateway.work.pages_audit import AuditFilter
from gateway.work.workplace import Workplace
from tests.contract.dead_letter.asking import taken
from tests.contract.dead_letter.place import known, person
from tests.support.cases import NOW, wish

PERSON = "ann@example.com"
OTHER_PERSON = "zoe@example.com"
FIELD = "assignee"
ANN, BOB = person("nadia", Role.OPERATOR), person("omar", Role.OPERATOR, Role.APPROVER)
HIDDEN_FROM = [person("vera", Role.VIEWER), person("uwe", Role.AUDITOR, Role.VIEWER), person("ines", Role.INTEGRATOR)]


@dataclass
class Stage:
    """A case about a personal field with a request, one that was corrected, one that quotes a person elsewhere."""

    place: Workplace
    asked: str
    corrected: str
    quoting: str

    @property
    def numbers(self) -> list[str]:
        return [self.asked, self.corrected, self.quoting]


async def _opened(place: Workplace, *new: NewCase) -> list[str]:
    async with place.database.begin() as tx:
        found = await open_cases(tx, new, now=NOW, redactor=Redactor(personal={FIELD}))
    return [found[each.key] for each in new]


def _about(record: str, **changes: Any) -> NewCase:
    print_ = fingerprint(Cause.FIELD_REFUSED, field=FIELD, value=PERSON, personal=True)
    said = {"title": f"jira refuses {FIELD}", "evidence": {"sent": {FIELD: PERSON}}}
    said |= {
        "vendor_text": f"{PERSON} is no user",
        "evidence": {"sent": {FIELD: PERSON}, "error": f"{PERSON} is no user"},
    }
    return wish(record, Cause.FIELD_REFUSED, **{"field": FIELD, "fingerprint": print_, **said, **changes})


@pytest.fixture
async def stage(place: Workplace) -> Stage:
    await known(place.database, ANN, BOB)
    elsewhere = {"sent": {FIELD: PERSON}, "error": f"no permission for {PERSON}"}
    words = f"no permission for {PERSON.upper()}"
    quoting = wish("r3", title=f"jira: {PERSON} may not", vendor_text=words, evidence=elsewhere)
    old = _about("r1", key="old", title=f"nobody is called {PERSON}", evidence={"value": PERSON})
    asked, corrected, third, _ = await _opened(place, _about("r1"), _about("r2"), quoting, old)
    said: dict[str, Any] = {"field": FIELD, "old": PERSON, "new": OTHER_PERSON, "reason": "a new owner"}
    eyes = FourEyes(actions=frozenset({"correct"}), others=1)
    by = Actor(name="nadia", person=ANN.id)
    assert (await taken(place.database, asked, "correct", by, eyes=eyes, **said)).approval
    await taken(place.database, corrected, "correct", by, **said)
    await cases.act(place, ANN, third, "comment", {"text": "looking"})
    async with place.database.begin() as tx:
        state = RecordState(id="r1", flow="incidents", rev=1)
        row = {"id": "r1", "flow": "incidents", "rev": 1, "tombstoned": False, "created_at": NOW, "updated_at": NOW}
        await tx.execute(insert(t.record).values(**row, doc=msgspec.json.encode(state).decode()))
        link = {"connection": "jira", "object": "issue", "object_id": "1", "object_key": "OPS-1"}
        await tx.execute(insert(t.link).values(**link, record="r1", state="primary"))
    return Stage(place, asked, corrected, third)


async def _listed(found: AsyncIterator[Any]) -> list[Any]:
    return [each async for each in found]


async def _each(stage: Stage, who: Principal) -> list[Any]:
    return [await cases.get_case(stage.place, who, number) for number in stage.numbers]


Verb = Callable[[Stage, Principal], Awaitable[Any]]
VERBS: dict[str, Verb] = {
    "get_case": _each,
    "list_cases": lambda s, who: cases.list_cases(s.place, who, CaseFilter(states=tuple(CaseState))),
    "group_cases": lambda s, who: cases.group_cases(s.place, who),
    "group_cases by field": lambda s, who: cases.group_cases(s.place, who, by="field"),
    "export_cases": lambda s, who: _listed(cases.export_cases(s.place, who)),
    "list_approvals": lambda s, who: cases.list_approvals(s.place, who),
    "steps_after": lambda s, who: pulse.steps_after(s.place, who, 0, 10**6, limit=1000),
    "summary": lambda s, who: summary(s.place, who),
    "changes": lambda s, who: pages_audit.changes(s.place, who, since=0.0, until=NOW + 100),
    "record": lambda s, who: records.show(s.place, who, "jira", "issue", "OPS-1"),
    "why": lambda s, who: records.why(s.place, who, "jira", "issue", "OPS-1"),
    "timeline": lambda s, who: records.timeline(s.place, who, "jira", "issue", "OPS-1", limit=50),
}
IN_CLEAR = ("get_case", "list_cases", "export_cases", "list_approvals", "record", "timeline")
"""Those that say it to who may see it: were they silent for everybody, the test below would prove nothing."""


@pytest.mark.parametrize("verb", VERBS)
async def test_no_verb_says_a_personal_value_to_who_may_not_see_one(stage: Stage, verb: str) -> None:
    for who in HIDDEN_FROM:
        said = msgspec.json.encode(await VERBS[verb](stage, who)).decode()
        assert PERSON not in said and OTHER_PERSON not in said, said
    if verb in IN_CLEAR:
        assert PERSON in msgspec.json.encode(await VERBS[verb](stage, ANN)).decode()


async def test_the_trail_hides_values_of_personal_fields(stage: Stage) -> None:
    await cases.act(stage.place, ANN, stage.quoting, "comment", {"text": "x"})
    auditor = HIDDEN_FROM[1]
    page = await pages_audit.read(stage.place, auditor, AuditFilter())
    assert PERSON not in msgspec.json.encode(page).decode()
