"""Who works with departures in these tests, and Ann, who leaves."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any

import pytest

from connectors.contract.access import GrantKind
from connectors.contract.errors import InputError
from gateway.access.rights import Principal, Role
from gateway.work.leaver_telling import LeaverWish
from tests.support.leaving import House

CONFIG = """
lockstep: 1
connections:
  wiki: {connector: scim, url: "https://wiki.example.com", auth: {bearer: {token: "${WIKI_TOKEN}"}}}
  shop: {connector: scim, url: "https://shop.example.com", auth: {bearer: {token: "${WIKI_TOKEN}"}}}
flows:
  people:
    type: person
    members:
      wiki: {object: user, mapping: scim-user}
      shop: {object: user, mapping: scim-user}
leavers:
  by_hand:
    badge: {owner: Facilities, instruction: "Take the badge back."}
"""
WATCH = Principal(id="user:eve", name="eve", roles=frozenset({Role.PEOPLE_WATCH}))
VIEWER = Principal(id="user:vic", name="vic", roles=frozenset({Role.VIEWER}))
ANN = re.compile(r"\bann\b", re.IGNORECASE)
READER = Principal(id="user:aud", name="aud", roles=frozenset({Role.AUDITOR}))
ADMIN = Principal(id="user:adm", name="adm", roles=frozenset({Role.ADMIN}))
AUDITOR = Principal(id="user:pro", name="pro", roles=frozenset({Role.PROVISIONER}))


def ann(home: House, **more: Any) -> LeaverWish:
    home.systems["wiki"].give("a1", (GrantKind.GROUP, "staff"), email="ann@example.com", name="ann")
    return LeaverWish(person="ann@example.com", reason="HR said so", **more)


async def refused(work: Awaitable[Any]) -> str:
    with pytest.raises(InputError) as told:
        await work
    return told.value.code
