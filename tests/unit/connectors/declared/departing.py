"""A small `access:` block, its parts replaced as a test wants."""

from __future__ import annotations

from typing import Any

from connectors.contract.access import Account

ACCOUNT = {"get": "/users/${account.id}", "id": "$.id", "name": "$.login", "email": "$.mail", "active": "row.on"}
BY_MAIL = {
    "by": "email",
    "get": "/users",
    "query": {"q": "mail = '${whom.email}'"},
    "pick": "$",
    "equals": "$.mail",
    "id": "$.id",
}
STILL = {"get": "/tasks/${grant.id}", "holds": "row.owner == account.id"}
HAS: dict[str, Any] = {
    "sign_in": {"kind": "account", "end": {"patch": "/users/${account.id}", "body": {"on": False}}},
    "group": {
        "kind": "group",
        "list": {"get": "/groups", "query": {"of": "${account.id}"}, "pick": "$"},
        "end": {"delete": "/groups/${grant.id}/members/${account.id}"},
    },
    "task": {
        "kind": "work",
        "list": {
            "get": "/tasks",
            "query": {"owner": "${account.id}"},
            "pick": "$",
            "page": {"kind": "offset", "size": {"param": "limit", "value": 2}},
        },
        "name": "${row.title}",
        "end": {"still": STILL, "put": "/tasks/${grant.id}", "body": {"owner": "${to.id}", "note": "${note}"}},
    },
}
ANN = Account(id="7", name="ann", active=True)
BOB = Account(id="8", name="bob", active=True)


def block(*, account: Any = None, found_by: Any = None, **has: Any) -> dict[str, Any]:
    """The block with parts replaced; None takes one away."""
    parts = {name: each for name, each in {**HAS, **has}.items() if each is not None}
    return {"account": {**ACCOUNT, **(account or {})}, "found_by": found_by or [BY_MAIL], "has": parts}


def part(name: str, /, **changes: Any) -> dict[str, Any]:
    made = {**HAS[name], **changes}
    return {key: each for key, each in made.items() if each is not None}


def ended(name: str, /, **changes: Any) -> dict[str, Any]:
    end = {key: each for key, each in {**HAS[name]["end"], **changes}.items() if each is not None}
    return part(name, end=end)
