"""ServiceNow: references, journals, version counter, marker columns."""

from __future__ import annotations

import pytest

from connectors.contract.errors import Refused
from connectors.contract.values import ItemDraft, WriteKind
from tests.contract.connectors.bench import Bench


async def create(servicenow: Bench, **values: object) -> str:
    receipt = await servicenow.connector.apply(
        servicenow.write(WriteKind.CREATE, values=servicenow.fragment("one", **values))
    )
    return receipt.ref.id


async def test_references_are_nested_and_written_by_what_people_know(servicenow: Bench) -> None:
    made = await create(
        servicenow, caller_id={"email": "cara@example.com"}, assignment_group={"name": "Network"}, assigned_to=None
    )
    raw = (await servicenow.connector.read(servicenow.ref(made))).raw
    assert raw["caller_id"]["email"] == "cara@example.com"
    assert raw["caller_id"]["name"] == "Cara Cole"
    assert raw["assignment_group"]["name"] == "Network"
    assert raw["assigned_to"] == {"value": "", "email": "", "name": ""}


async def test_unknown_group_is_refused(servicenow: Bench) -> None:
    with pytest.raises(Refused) as got:
        await create(servicenow, assignment_group={"name": "No such group"})
    assert list(got.value.fields) == ["assignment_group"]


async def test_inactive_person_is_refused(servicenow: Bench) -> None:
    servicenow.http.auth = ("admin", "admin-secret")
    found = await servicenow.human("GET", "/api/now/table/sys_user?sysparm_query=user_name=dev")
    await servicenow.human("PATCH", f"/api/now/table/sys_user/{found['result'][0]['sys_id']}", {"active": "false"})
    with pytest.raises(Refused, match="inactive"):
        await create(servicenow, assigned_to={"email": "dev@example.com"})


async def test_a_value_that_would_end_the_query_is_refused(servicenow: Bench) -> None:
    """`x^ORactive=true` as an e-mail would find anybody."""
    with pytest.raises(Refused):
        await create(servicenow, assigned_to={"email": "x^ORactive=true"})


async def test_work_notes_and_comments_are_told_apart(servicenow: Bench) -> None:
    made = await create(servicenow)
    for kind in ("comment", "work_note"):
        item = ItemDraft(kind=kind, body=kind, author="Bob", at=0.0, origin=f"other:{kind}", origin_label="Other")
        await servicenow.connector.apply(servicenow.write(WriteKind.ITEM, ref=servicenow.ref(made), item=item))
    items = (await servicenow.connector.read(servicenow.ref(made), items=True)).items
    assert {(each.kind, each.body) for each in items or ()} == {("comment", "comment"), ("work_note", "work_note")}


async def test_a_comment_moves_the_version_and_history_says_who(servicenow: Bench) -> None:
    made = await create(servicenow)
    await servicenow.comment(made, "hello")
    entries = await servicenow.connector.history(servicenow.ref(made), 0.0)
    assert [(each.version, each.actor, dict(each.after)) for each in entries] == [(1, "ann", {})]


async def test_priority_follows_impact_and_urgency(servicenow: Bench) -> None:
    """A written priority is overwritten (facts.md 1.5): the receipt shows what is stored."""
    receipt = await servicenow.connector.apply(
        servicenow.write(WriteKind.CREATE, values=servicenow.fragment("one", impact="1", urgency="1", priority="5"))
    )
    assert receipt.snapshot is not None
    assert receipt.snapshot.raw["priority"] == "1"


async def test_a_correlation_of_somebody_else_is_not_ours(servicenow: Bench) -> None:
    made = await servicenow.human(
        "POST",
        "/api/now/table/incident",
        {"short_description": "x", "correlation_id": "T-1", "correlation_display": "other tool"},
    )
    assert (await servicenow.connector.read(servicenow.ref(made["result"]["sys_id"]))).correlation is None


async def test_history_is_read_page_by_page(servicenow: Bench) -> None:
    made = await create(servicenow)
    for number in range(9):
        await servicenow.edit(made, f"edit {number}")
    small = servicenow.connect(options={"page_size": 2})
    entries = await small.history(servicenow.ref(made), 0.0)
    await small.close()
    assert [each.version for each in entries] == list(range(1, 10))
