"""What a person has in a GitHub organisation and its repository, and how it ends, against the stand-in."""

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
    nothing_that_comes_along_is_ended_by_itself,
    the_account,
)

REPO, ORG = "/repos/lockstep/desk", "/orgs/lockstep"


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[sandbox.StandIn]:
    made = await sandbox.start("github", data=tmp_path / "github.db")
    yield made
    await made.stop()


@pytest.fixture
async def hand(stand_in: sandbox.StandIn) -> AsyncIterator[Hand]:
    made = Hand(stand_in.url, "admin-secret")
    yield made
    await made.close()


@pytest.fixture
async def github(stand_in: sandbox.StandIn) -> AsyncIterator[Ends]:
    made = _connector(stand_in.url, login_is_user_name=True)
    yield made
    await made.close()


def _connector(url: str, transport: Failing | None = None, **options: Any) -> Ends:
    return connected("github", url, transport, owner="lockstep", repo="desk", **options)


async def _team(hand: Hand, name: str, *members: str, parent: Any = None) -> Any:
    team = await hand("POST", f"{ORG}/teams", {"name": name, "parent_team_id": parent["id"] if parent else None})
    for each in members:
        await hand("PUT", f"{ORG}/teams/{team['slug']}/memberships/{each}", {"role": "member"})
    return team


async def _issue(hand: Hand, title: str, *assignees: str) -> int:
    number: int = (await hand("POST", f"{REPO}/issues", {"title": title}))["number"]
    await hand("POST", f"{REPO}/issues/{number}/assignees", {"assignees": list(assignees)})
    return number


async def _assignees(hand: Hand, number: object) -> list[str]:
    return [each["login"] for each in (await hand("GET", f"{REPO}/issues/{number}"))["assignees"]]


async def test_somebody_is_found_by_the_address_of_a_commit_or_of_the_account_or_by_login(
    github: Ends, hand: Hand, stand_in: sandbox.StandIn
) -> None:
    ann = Hand(stand_in.url, "ann-secret")
    await ann("PUT", f"{REPO}/contents/a.txt", {"message": "a", "content": "YQ=="})
    await ann.close()
    account = await the_account(github, email="ANN@example.com", user_name="Ann")
    assert (account.name, account.email, account.active) == ("ann", "ann@example.com", True)
    assert account.matched == ("email", "user_name")
    assert not account.privileged
    assert (await the_account(github, account=account.id)).matched == ("account",)
    both = await github.accounts(Whom(email="ann@example.com", user_name="bob"))
    assert sorted(each.name for each in both) == ["ann", "bob"], "who is meant is not guessed"
    assert await github.accounts(Whom(employee_number="4711")) == []
    assert (await github.holdings("1")).account is None


async def test_a_login_counts_only_where_logins_are_given_out(stand_in: sandbox.StandIn) -> None:
    strict = _connector(stand_in.url)
    assert await strict.accounts(Whom(user_name="ann")) == []
    await strict.close()


async def test_hostile_names_find_nobody(github: Ends) -> None:
    await hostile_names_find_nobody(github, "email", "user_name")


async def test_an_owner_of_the_organisation_is_privileged(github: Ends) -> None:
    owner = await the_account(github, user_name="admin")
    assert owner.privileged
    assert [each.privileged for each in await granted(github, owner, GrantKind.ACCOUNT)] == [True]


async def test_all_of_many_pages_is_listed_and_ends_and_nobody_else_loses_anything(github: Ends, hand: Hand) -> None:
    await hand.options(as_app=True, single_sign_on=True)
    for number in range(103):  # a page is 100
        await _team(hand, f"Squad {number}", "bob", *(["ann"] if number in (0, 101, 102) else []))
    await hand("PUT", f"{REPO}/collaborators/ann", {"permission": "maintain"})
    await hand("PUT", f"{REPO}/collaborators/bob", {"permission": "push"})
    shared = await _issue(hand, "Both", "ann", "bob")
    closed = await _issue(hand, "Done", "ann")
    await hand("PATCH", f"{REPO}/issues/{closed}", {"state": "closed"})
    ann, bob, cara = [await the_account(github, user_name=each) for each in ("ann", "bob", "cara")]
    before = (await github.holdings(bob.id)).grants
    assert [(each.kind.value, each.name, each.privileged) for each in (await github.holdings(ann.id)).grants] == [
        ("role", "maintain of lockstep/desk", True),
        *(("group", f"Team Squad {number}", False) for number in (0, 101, 102)),
        ("account", "ann", False),
        ("work", f"#{shared} Both", False),
    ]
    await end_all(github, ann, to=cara)
    after = await github.holdings(ann.id)
    assert (after.account and after.account.active, after.grants) == (False, ())
    assert await _assignees(hand, shared) == ["bob", "cara"]
    assert await _assignees(hand, closed) == ["ann"], "who had done it is not rewritten"
    assert (await github.holdings(bob.id)).grants == before


async def test_keys_of_a_person_end_where_they_are_shown_and_are_named_where_not(
    github: Ends, hand: Hand, stand_in: sandbox.StandIn
) -> None:
    for name in ("ann", "bob"):
        person = Hand(stand_in.url, f"{name}-secret")
        await person("POST", "/settings/personal-access-tokens", {"name": f"{name}'s"})
        await person("POST", "/settings/keys", {"title": "laptop"})
        await person.close()
    ann, bob = [await the_account(github, user_name=each) for each in ("ann", "bob")]
    hidden = await github.holdings(ann.id)
    assert "GitHub App only" in hidden.unseen[GrantKind.TOKEN]
    assert [each for each in hidden.grants if each.kind is GrantKind.TOKEN] == []
    await hand.options(as_app=True, single_sign_on=True)
    assert GrantKind.TOKEN not in (await github.holdings(ann.id)).unseen
    tokens = await granted(github, ann, GrantKind.TOKEN)
    assert [each.name.partition(" ")[0] for each in tokens] == ["Token", "SSH"]
    for token in tokens:
        await end(github, ann, token)
        await end(github, ann, token)
    assert await granted(github, ann, GrantKind.TOKEN) == []
    assert len(await granted(github, bob, GrantKind.TOKEN)) == 2


async def test_a_team_ends_once_whatever_becomes_of_the_answer(github: Ends, hand: Hand) -> None:
    await _team(hand, "Squad", "ann")
    ann = await the_account(github, user_name="ann")
    (team,) = await granted(github, ann, GrantKind.GROUP)

    async def again() -> None:
        await hand("PUT", f"{ORG}/teams/squad/memberships/ann", {"role": "member"})

    await ends_once_whatever_becomes_of_the_answer(github, hand, ann, team, again, "timeout")


async def test_the_membership_ends_once_whatever_becomes_of_the_answer(github: Ends, hand: Hand) -> None:
    ann = await the_account(github, user_name="ann")
    (membership,) = await granted(github, ann, GrantKind.ACCOUNT)

    async def again() -> None:
        await hand("PUT", f"{ORG}/memberships/ann", {"role": "member"})

    await ends_once_whatever_becomes_of_the_answer(github, hand, ann, membership, again)


async def test_a_parent_team_ends_with_its_child(github: Ends, hand: Hand) -> None:
    parent = await _team(hand, "Everybody")
    child = await _team(hand, "Squad", "ann", parent=parent)
    ann = await the_account(github, user_name="ann")
    above, below = await granted(github, ann, GrantKind.GROUP)
    assert (above.name, above.through, below.name, below.through) == (
        "Team Everybody",
        f"team:{child['id']}",
        "Team Squad",
        "",
    )
    await nothing_that_comes_along_is_ended_by_itself(github, ann, above)
    await end(github, ann, below)
    assert await granted(github, ann, GrantKind.GROUP) == []


async def test_work_goes_only_to_somebody_who_may_have_it_and_only_from_whoever_leaves(
    github: Ends, hand: Hand
) -> None:
    taken, stuck, lonely = [await _issue(hand, title, "ann") for title in ("Taken", "Stuck", "Lonely")]
    ann, bob, dev = [await the_account(github, user_name=each) for each in ("ann", "bob", "dev")]
    grants = {each.id: each for each in await granted(github, ann, GrantKind.WORK)}
    await hand("POST", f"{REPO}/issues/{taken}/assignees", {"assignees": ["cara"]})
    await end(github, ann, grants[f"issue:{lonely}"])
    assert await _assignees(hand, lonely) == []
    await hand("DELETE", f"{ORG}/memberships/dev")
    with pytest.raises(Refused, match="not taken over by dev"):
        await end(github, ann, grants[f"issue:{stuck}"], to=dev)
    assert await _assignees(hand, stuck) == ["ann"]
    await end(github, ann, grants[f"issue:{taken}"], to=bob)
    assert sorted(await _assignees(hand, taken)) == ["bob", "cara"]
    await end(github, ann, grants[f"issue:{taken}"], to=dev)
    assert sorted(await _assignees(hand, taken)) == ["bob", "cara"], "it was not hers any more"


async def test_a_review_is_asked_of_somebody_else(github: Ends, hand: Hand) -> None:
    pull = (await hand("POST", f"{REPO}/pulls", {"title": "A change", "head": "changes", "base": "main"}))["number"]
    await hand("POST", f"{REPO}/pulls/{pull}/requested_reviewers", {"reviewers": ["ann", "bob"]})
    ann, cara, admin = [await the_account(github, user_name=each) for each in ("ann", "cara", "admin")]
    assert await named(github, ann, GrantKind.APPROVAL) == [f"Review of #{pull} A change"]
    (review,) = await granted(github, ann, GrantKind.APPROVAL)
    with pytest.raises(Refused, match="author"):
        await end(github, ann, review, to=admin)
    await end(github, ann, review, to=cara)
    shown = await hand("GET", f"{REPO}/pulls/{pull}")
    assert [each["login"] for each in shown["requested_reviewers"]] == ["bob", "cara"]


async def test_no_failure_is_taken_for_an_absence(github: Ends, hand: Hand, stand_in: sandbox.StandIn) -> None:
    await hand.options(as_app=True, single_sign_on=True)
    person = Hand(stand_in.url, "ann-secret")
    await person("POST", "/settings/personal-access-tokens", {"name": "hers"})
    await person.close()
    await _team(hand, "Squad", "ann")
    await hand("PUT", f"{REPO}/collaborators/ann", {"permission": "push"})
    await _issue(hand, "Mail is down", "ann")
    ann = await the_account(github, user_name="ann")
    await no_failure_is_taken_for_an_absence(lambda transport: _connector(stand_in.url, transport), ann)
