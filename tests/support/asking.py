"""Who a token stands for, asked as the middleware asks."""

from __future__ import annotations

from aiohttp.test_utils import make_mocked_request

from gateway.access.asking import NotSignedIn
from gateway.access.entrance import Entrance
from gateway.access.rights import Principal
from gateway.config.access import Access
from gateway.work.trail import note
from gateway.work.workplace import Workplace


async def ask(place: Workplace, token: str, *, settings: Access | None = None) -> Principal | None:
    """None: the token does not hold."""
    entrance = Entrance(place.database, settings or place.config.access, now=place.now, trail=note)
    try:
        proof = await entrance.proof(make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {token}"}))
    except NotSignedIn:
        return None
    return proof.who if proof else None
