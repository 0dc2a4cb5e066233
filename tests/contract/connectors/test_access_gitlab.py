"""What a person has on a GitLab instance, with a token that administers it and without, against the stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors import sandbox
from connectors.contract.access import GrantKind, Whom
from connectors.contract.errors import Refused
from connectors.declared.ending import Ends
from tests.contract.connectors.departing import (
    Failing,
    Hand,
    connected,
    end,
    end_all,
    ends_once_whatever_becomes_of_the_answer,
    granted,
    hostile_names_find_nobody,
    named,
    no_failure_is_taken_for_an_absence,
    the_account,
)

PROJECT = "/api/v4/projects/14"


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[sandbox.StandIn]:
    made = await sandbox.start("gitlab", data=tmp_path / "gitlab.db")
    yield made
    await made.stop()


@pytest.fixture
async def hand(stand_in: sandbox.StandIn) -> AsyncIterator[Hand]:
    made = Hand(stand_in.url, "admin-secret")
    yield made
    await made.close()


@pytest.fixture
async def gitlab(stand_in: sandbox.StandIn, hand: Hand) -> AsyncIterator[Ends]:
    await hand.options(as_admin=True)
    made = _connector(stand_in.url, administers=True)
    yield made
    await made.close()


def _connector(url: str, transport: Failing | None = None, **options: Any) -> Ends:
    return connected("gitlab", url, transport, project="lockstep/desk", **options)


async def test_somebody_is_found_by_name_and_by_an_address_that_is_shown(
    gitlab: Ends, hand: Hand, stand_in: sandbox.StandIn
) -> None:
    ann = await the_account(gitlab, email="Ann@example.com", user_name="ANN")
    assert (ann.name, ann.email, ann.matched, ann.privileged) == (
        "ann",
        "ann@example.com",
        ("email", "user_name"),
        False,
    )
    assert (await the_account(gitlab, user_name="admin")).privileged
    await hostile_names_find_nobody(gitlab, "email", "user_name")
    await hand.options(as_admin=False)
    other = _connector(stand_in.url)
    assert await other.accounts(Whom(email="ann@example.com", employee_number="7")) == [], "no address is shown"
    await other.close()


async def test_all_a_user_has_ends_and_nobody_else_loses_anything(gitlab: Ends, hand: Hand) -> None:
    ann, bob, cara = [await the_account(gitlab, user_name=each) for each in ("ann", "bob", "cara")]
    both = (
        await hand("POST", f"{PROJECT}/issues", {"title": "Mail is down", "assignee_ids": [int(ann.id), int(bob.id)]})
    )["iid"]
    change = (
        await hand("POST", f"{PROJECT}/merge_requests", {"title": "A", "source_branch": "a", "target_branch": "b"})
    )["iid"]
    await hand("PUT", f"{PROJECT}/merge_requests/{change}", {"reviewer_ids": [int(ann.id), int(bob.id)]})
    for user in (ann, bob):
        await hand("POST", "/api/v4/groups/7/members", {"user_id": int(user.id), "access_level": 50})
        await hand("POST", f"/api/v4/users/{user.id}/personal_access_tokens", {"name": "laptop", "scopes": ["api"]})
        await hand("POST", f"/api/v4/users/{user.id}/keys", {"title": "laptop"})
    before = (await gitlab.holdings(bob.id)).grants
    has = (await gitlab.holdings(ann.id)).grants
    assert [(each.kind.value, each.name, each.privileged) for each in has] == [
        ("token", "Token laptop", False),
        ("token", "SSH key laptop", False),
        ("group", "Project lockstep/desk", False),
        ("group", "Group lockstep", True),
        ("account", "ann", False),
        ("approval", f"Review of !{change} A", False),
        ("work", f"#{both} Mail is down", False),
    ]
    assert len({each.id for each in has}) == len(has)
    await end_all(gitlab, ann, to=cara)
    left = await gitlab.holdings(ann.id)
    assert (left.account and left.account.active, left.grants) == (False, ())
    assert [each["username"] for each in (await hand("GET", f"{PROJECT}/issues/{both}"))["assignees"]] == [
        "bob",
        "cara",
    ]
    shown = await hand("GET", f"{PROJECT}/merge_requests/{change}")
    assert [each["username"] for each in shown["reviewers"]] == ["bob", "cara"]
    assert (await gitlab.holdings(bob.id)).grants == before


async def test_a_user_is_blocked_once_whatever_becomes_of_the_answer(gitlab: Ends, hand: Hand) -> None:
    ann = await the_account(gitlab, user_name="ann")
    (user,) = await granted(gitlab, ann, GrantKind.ACCOUNT)

    async def again() -> None:
        await hand("POST", f"/api/v4/users/{ann.id}/unblock")

    await ends_once_whatever_becomes_of_the_answer(gitlab, hand, ann, user, again)


async def test_work_is_left_without_an_owner_where_nobody_takes_it(gitlab: Ends, hand: Hand) -> None:
    ann = await the_account(gitlab, user_name="ann")
    issue = (await hand("POST", f"{PROJECT}/issues", {"title": "Mail", "assignee_ids": [int(ann.id)]}))["iid"]
    (work,) = await granted(gitlab, ann, GrantKind.WORK)
    await end(gitlab, ann, work)
    assert (await hand("GET", f"{PROJECT}/issues/{issue}"))["assignees"] == []


async def test_without_an_administrators_token_the_membership_ends_and_the_rest_is_named(
    stand_in: sandbox.StandIn, hand: Hand
) -> None:
    gitlab = _connector(stand_in.url)
    ann = await the_account(gitlab, user_name="ann")
    assert await named(gitlab, ann, GrantKind.GROUP) == ["Project lockstep/desk"]
    assert set((await gitlab.holdings(ann.id)).unseen) == {GrantKind.SESSION, GrantKind.TOKEN}
    await end_all(gitlab, ann)
    assert await named(gitlab, ann, GrantKind.GROUP) == []
    (user,) = await granted(gitlab, ann, GrantKind.ACCOUNT)
    with pytest.raises(Refused, match="Admin > Users"):
        await end(gitlab, ann, user)
    await gitlab.close()


async def test_a_schedule_is_shown_and_taken_over_by_hand(gitlab: Ends, hand: Hand, stand_in: sandbox.StandIn) -> None:
    person = Hand(stand_in.url, "ann-secret")
    await person("POST", f"{PROJECT}/pipeline_schedules", {"description": "Nightly"})
    await person.close()
    ann, bob = [await the_account(gitlab, user_name=each) for each in ("ann", "bob")]
    assert await named(gitlab, ann, GrantKind.JOB) == ["Nightly"]
    assert await named(gitlab, bob, GrantKind.JOB) == []
    with pytest.raises(Refused, match="Take ownership"):
        await end(gitlab, ann, (await granted(gitlab, ann, GrantKind.JOB))[0], to=bob)


async def test_no_failure_is_taken_for_an_absence(gitlab: Ends, hand: Hand, stand_in: sandbox.StandIn) -> None:
    ann = await the_account(gitlab, user_name="ann")
    await hand("POST", f"/api/v4/users/{ann.id}/keys", {"title": "laptop"})
    await hand("POST", f"{PROJECT}/issues", {"title": "Mail", "assignee_ids": [int(ann.id)]})
    await no_failure_is_taken_for_an_absence(
        lambda transport: _connector(stand_in.url, transport, administers=True), ann
    )
