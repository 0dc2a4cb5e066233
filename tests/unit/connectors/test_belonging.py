"""Who is in which group, who is an administrator by name, and what may not be ended."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.belonging import memberships
from connectors.contract.access import Account, Ending, Grant, GrantKind, objection
from connectors.privilege import listed, sounds


def group(id: str, *members: str) -> dict[str, Any]:
    return {"id": id, "displayName": id.upper(), "members": [{"value": each} for each in members]}


def test_groups_in_groups_are_followed_also_in_a_circle() -> None:
    groups = [group("a", "ann"), group("b", "a"), group("c", "b", "ann"), group("d", "c"), group("e", "bob")]
    circle = [*groups, group("a2", "d"), {**group("f", "a2"), "members": [{"value": "a2"}, {"value": "f"}]}]
    found = {each.group: each.through for each in memberships("ann", circle)}
    assert (found["a"], found["c"]) == ("", ""), "by himself, although C has him by way of B, too"
    assert set(found) == {"a", "b", "c", "d", "a2", "f"}
    assert (found["b"], found["d"], found["f"]) == ("A", "C", "A2")


def test_what_the_user_says_counts_only_of_groups_that_are_not_shown() -> None:
    told = [{"value": "a", "display": "A"}, {"value": "z", "display": "Z"}, {"value": "y", "type": "indirect"}]
    found = {each.group: bool(each.through) for each in memberships("ann", [group("a")], told)}
    assert found == {"z": False, "y": True}, "A says that it does not have him"


@pytest.mark.parametrize(
    ("name", "privileged"),
    [
        ("Global Administrator", True),
        ("org-admins", True),
        ("jira-administrators", True),
        ("site_owner", True),
        ("Super User Admin", True),
        ("administration-readers", False),
        ("badminton", False),
        ("Developers", False),
    ],
)
def test_a_name_says_who_is_an_administrator(name: str, privileged: bool) -> None:
    assert sounds(name) is privileged
    assert not listed(name, ())
    assert listed(name.upper(), [name])


ANN = Account(id="1", name="ann", active=True)
ENDS = {GrantKind.ROLE: "", GrantKind.WORK: "", GrantKind.ACCOUNT: "people do, at the desk"}


@pytest.mark.parametrize(
    ("kind", "through", "to", "why"),
    [
        (GrantKind.ROLE, "", None, ""),
        (GrantKind.ROLE, "team", None, "by way of team"),
        (GrantKind.ACCOUNT, "", None, "at the desk"),
        (GrantKind.TOKEN, "", None, "no such thing"),
        (GrantKind.WORK, "", Account(id="2", name="bob", active=True), ""),
        (GrantKind.WORK, "", Account(id="2", name="bob", active=False), "whose account is off"),
        (GrantKind.WORK, "", ANN, "the same account"),
    ],
)
def test_what_may_not_be_sent(kind: GrantKind, through: str, to: Account | None, why: str) -> None:
    grant = Grant(kind=kind, id="g", name="it", through=through)
    said = objection(ENDS, Ending(account=ANN, grant=grant, operation="o", to=to))
    assert (said == "") if not why else (why in said)
