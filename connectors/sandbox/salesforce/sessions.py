"""Sessions by OAuth 2.0 client credentials; they end without telling when (facts.md 5.1 [HAR-SF])."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Documents
from connectors.sandbox.people import PEOPLE, Person, by_name
from connectors.sandbox.salesforce import answers
from connectors.sandbox.salesforce.objects import Objects, user_id
from connectors.sandbox.site import Refusal, Site

_KIND = "session"


class Sessions:
    """Owns the sessions. A person's own token equals the password, as everywhere in the sandbox."""

    def __init__(self, site: Site, objects: Objects) -> None:
        self._site, self._objects, self._kept = site, objects, Documents(site.store)

    def who(self, authorization: str) -> Person | None:
        """Whose session this is, as long as it lasts."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() not in ("bearer", "oauth"):
            return None
        known = next((person for person in PEOPLE if self._site.lets_in(person, token)), None)
        session = self._kept.get(_KIND, token) if known is None else None
        if session is None:
            return known
        options = self._site.options
        shown = self._kept.get("AuthSession", session["auth_session"]) is not None
        alive = shown and max(options.oauth_valid_from, self._site.now() - options.oauth_lasts_s) <= session["at"]
        return by_name(session["person"]) if alive else None

    def actor(self, authorization: str) -> str:
        """Whose session this was, however old."""
        token = authorization.partition(" ")[2]
        session = self._kept.get(_KIND, token)
        person = (
            by_name(session["person"]) if session else next((each for each in PEOPLE if each.password == token), None)
        )
        return person.actor if person else "human"

    async def give(self, request: web.Request) -> web.Response:
        """`POST /services/oauth2/token`. The client's id is the name of whom it runs as, its secret their password."""
        asked = await request.post()
        if asked.get("grant_type") != "client_credentials":
            raise _refused("unsupported_grant_type", "grant type not supported")
        person = self._site.lets_in(by_name(str(asked.get("client_id"))), str(asked.get("client_secret")))
        if person is None:
            raise _refused("invalid_client", "invalid client credentials")
        token, now = f"00DDo000000rryB!{secrets.token_urlsafe(24)}", self._site.now()
        with self._site.store.change():
            shown = {"UsersId": user_id(person), "SessionType": "Oauth2", "SourceIp": request.remote}
            made = self._objects.keep("AuthSession", shown, person)
            session = {"person": person.name, "at": now, "auth_session": made["Id"]}
            self._kept.put(_KIND, token, session, int(now * 1000))
        base = self._site.base_url
        said: dict[str, Any] = {
            "access_token": token,
            "signature": secrets.token_urlsafe(16),
            "scope": "api",
            "instance_url": base,
            "id": f"{base}/id/00DDo000000rryBMAQ/{person.name}",
            "token_type": "Bearer",
            "issued_at": str(int(now * 1000)),
        }
        return answers.body(said)


def _refused(error: str, description: str) -> Refusal:
    return Refusal(answers.body({"error": error, "error_description": description}, 400))
