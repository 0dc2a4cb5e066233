"""What a user of a HubSpot account has and how it ends, against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import jsonschema
import orjson
import pytest

from connectors import sandbox
from connectors.contract.access import GrantKind
from connectors.declared.ending import Ends
from tests.contract.connectors.departing import (
    Hand,
    connected,
    end,
    end_all,
    ends_once_whatever_becomes_of_the_answer,
    granted,
    hostile_names_find_nobody,
    no_failure_is_taken_for_an_absence,
    the_account,
)
from tests.support.shared import require_shared

TICKETS, DEALS = "/crm/v3/objects/tickets", "/crm/v3/objects/deals"


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[sandbox.StandIn]:
    made = await sandbox.start("hubspot", data=tmp_path / "hubspot.db")
    yield made
    await made.stop()


@pytest.fixture
async def hand(stand_in: sandbox.StandIn) -> AsyncIterator[Hand]:
    made = Hand(stand_in.url, "admin-secret")
    yield made
    await made.close()


@pytest.fixture
async def hubspot(stand_in: sandbox.StandIn) -> AsyncIterator[Ends]:
    made = connected("hubspot", stand_in.url)
    yield made
    await made.close()


async def _ticket(hand: Hand, subject: str, owner: str, stage: str = "1") -> str:
    said = {"subject": subject, "hs_pipeline_stage": stage, "hubspot_owner_id": owner}
    return str((await hand("POST", TICKETS, {"properties": said}))["id"])


async def _owner(hand: Hand, path: str) -> str | None:
    found = await hand("GET", f"{path}?properties=hubspot_owner_id")
    return found["properties"].get("hubspot_owner_id") or None


async def test_somebody_is_found_and_what_is_open_is_handed_over_also_after_the_user_has_gone(
    hubspot: Ends, hand: Hand
) -> None:
    ann, bob, cara = [await the_account(hubspot, email=f"{each}@example.com") for each in ("ann", "bob", "cara")]
    assert (ann.active, ann.privileged) == (True, False)
    assert (await the_account(hubspot, user_name="admin@example.com")).privileged
    await hostile_names_find_nobody(hubspot, "email", "user_name")
    mail, theirs = await _ticket(hand, "Mail", ann.id), await _ticket(hand, "Print", bob.id)
    done = await _ticket(hand, "Done", ann.id, "4")
    deal = (await hand("POST", DEALS, {"properties": {"dealname": "Big", "hubspot_owner_id": ann.id}}))["id"]
    before = (await hubspot.holdings(bob.id)).grants
    (user,) = await granted(hubspot, ann, GrantKind.ACCOUNT)
    await end(hubspot, ann, user)
    left = await the_account(hubspot, email="ann@example.com")
    assert (left.id, left.active) == (ann.id, False)
    assert [each.name for each in (await hubspot.holdings(ann.id)).grants] == ["Ticket Mail", "Deal Big"]
    await end_all(hubspot, left, to=cara)
    assert (await hubspot.holdings(ann.id)).grants == ()
    owners = [await _owner(hand, path) for path in (f"{TICKETS}/{mail}", f"{DEALS}/{deal}", f"{TICKETS}/{done}")]
    assert owners == [cara.id, cara.id, ann.id]
    assert (await hubspot.holdings(bob.id)).grants == before
    (work,) = await granted(hubspot, bob, GrantKind.WORK)
    await end(hubspot, bob, work)
    assert await _owner(hand, f"{TICKETS}/{theirs}") is None


async def test_a_user_is_removed_once_whatever_becomes_of_the_answer(hubspot: Ends, hand: Hand) -> None:
    ann = await the_account(hubspot, email="ann@example.com")
    (user,) = await granted(hubspot, ann, GrantKind.ACCOUNT)

    async def again() -> None:
        await hand("POST", "/settings/v3/users", {"email": "ann@example.com"})

    await ends_once_whatever_becomes_of_the_answer(hubspot, hand, ann, user, again)


async def test_owners_are_as_the_vendors_document_has_them(hand: Hand) -> None:
    document = orjson.loads(require_shared("vendor", "specs", "hubspot-owners-2026-03.json").read_bytes())
    schema = document["components"]["schemas"]["PublicOwner"]
    ann = (await hand("GET", "/crm/v3/owners?email=ann@example.com"))["results"][0]
    await hand("DELETE", f"/settings/v3/users/{ann['userId']}")
    gone = await hand("GET", f"/crm/v3/owners/{ann['id']}?archived=true")
    for owner in (ann, gone):
        jsonschema.validate(owner, {**schema, "additionalProperties": False}, cls=jsonschema.Draft4Validator)


async def test_no_failure_is_taken_for_an_absence(hubspot: Ends, hand: Hand, stand_in: sandbox.StandIn) -> None:
    ann = await the_account(hubspot, email="ann@example.com")
    await _ticket(hand, "Mail", ann.id)
    await no_failure_is_taken_for_an_absence(lambda transport: connected("hubspot", stand_in.url, transport), ann)
