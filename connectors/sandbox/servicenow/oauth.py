"""`POST /oauth_token.do`: tokens of the instance (facts.md 1.1). They are on disk before they are given."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from connectors.sandbox.people import Person, basic_credentials, by_name
from connectors.sandbox.servicenow import answers
from connectors.sandbox.servicenow.access_tables import CREDENTIAL
from connectors.sandbox.servicenow.records import Records, stamp
from connectors.sandbox.servicenow.seeding import CLIENT_ID
from connectors.sandbox.site import Refusal, Site

PATH = "/oauth_token.do"
CLIENT = "lockstep-client"
REFRESH_S = 100 * 86_400.0
"""Default life of a refresh token [M]."""
_STATE = "oauth"


class OAuth:
    """The instance's one OAuth client, and its tokens. Clients that sign in for themselves act as `lockstep`."""

    def __init__(self, site: Site, records: Records) -> None:
        self._site, self._records = site, records

    def routes(self) -> list[web.RouteDef]:
        """The token endpoint."""
        return [web.post(PATH, self.give)]

    async def give(self, request: web.Request) -> web.Response:
        """A token for one of three grants. JSON is not understood: the form's parameters are missing then."""
        form = dict(parse_qsl((await request.read()).decode("utf-8", "replace")))
        self._check_client(request, form)
        match form.get("grant_type"):
            case "password":
                person = self._site.lets_in(by_name(form.get("username", "")), form.get("password", ""))
                if person is None:
                    raise _denied()
                return self._answer(person, refresh=secrets.token_urlsafe(24))
            case "client_credentials":
                return self._answer(by_name("lockstep"), refresh="")
            case "refresh_token":
                return self._refreshed(form.get("refresh_token", ""))
        raise _refused(400, "unsupported_grant_type")

    def person(self, authorization: str) -> Person | None:
        """Whose access token this is, while it lasts."""
        scheme, _, token = authorization.partition(" ")
        known = self._state()["access"].get(token) if scheme.lower() == "bearer" else None
        return by_name(known["user"]) if known is not None and self._good(known) else None

    def _check_client(self, request: web.Request, form: Mapping[str, str]) -> None:
        given = basic_credentials(request.headers.get("Authorization", ""))
        name, secret = given or (form.get("client_id", ""), form.get("client_secret", ""))
        if name != CLIENT or secret not in self._site.options.client_secrets:
            raise _denied()

    def _refreshed(self, refresh: str) -> web.Response:
        """The current refresh token again, and within its life the same access token; with `oauth_single_use` both are
        new, and the old refresh token is good no more, which ServiceNow does not do and others do.
        """
        state = self._state()
        known = state["refresh"].get(refresh)
        if known is None or not self._good(known):
            raise _refused(400, "invalid_grant")
        person = by_name(known["user"])
        if not self._site.options.oauth_single_use:
            return self._answer(person, refresh=refresh, access=known["access"])
        del state["refresh"][refresh]
        with self._site.store.change():
            self._site.store.set_setting(_STATE, state)
        return self._answer(person, refresh=secrets.token_urlsafe(24))

    def _answer(self, person: Person | None, *, refresh: str, access: str = "") -> web.Response:
        assert person is not None, "the stand-in knows its own people"
        state, now, lasts_s = self._state(), self._site.now(), self._site.options.oauth_lasts_s
        known = state["access"].get(access)
        if known is None or not self._good(known):
            access = secrets.token_urlsafe(24)
            row = self._shown(person, "access_token", now + lasts_s)
            state["access"][access] = known = {"user": person.name, "made": now, "until": now + lasts_s, "row": row}
        if refresh:
            kept = state["refresh"].get(refresh) or {
                "made": now,
                "until": now + REFRESH_S,
                "row": self._shown(person, "refresh_token", now + REFRESH_S),
            }
            state["refresh"][refresh] = kept | {"user": person.name, "access": access}
        with self._site.store.change():
            self._site.store.set_setting(_STATE, state)
        left = max(0, round(known["until"] - now))
        told = {"access_token": access, "scope": "useraccount", "token_type": "Bearer", "expires_in": left}
        return answers.body(told | ({"refresh_token": refresh} if refresh else {}))

    def _shown(self, person: Person, kind: str, until: float) -> str:
        """Its row under Manage Tokens; without the row it is good no more [P:servicenow.com/docs t_ManageTokens; M]."""
        told = {"user": person.sys_id, "peer": CLIENT_ID, "type": kind, "expires": stamp(until)}
        with self._site.store.change():
            return self._records.insert(CREDENTIAL, told, person)["sys_id"]

    def _good(self, known: Mapping[str, Any]) -> bool:
        lasts = known["until"] > self._site.now() and known["made"] >= self._site.options.oauth_valid_from
        return bool(lasts and ("row" not in known or self._records.get(CREDENTIAL, known["row"]) is not None))

    def _state(self) -> dict[str, Any]:
        found: dict[str, Any] = self._site.store.setting(_STATE) or {"access": {}, "refresh": {}}
        return found


def _denied() -> Refusal:
    """Wrong client or password: 401, and a word that sounds as if time could mend it [M]."""
    return Refusal(answers.body({"error_description": "access_denied", "error": "server_error"}, 401))


def _refused(status: int, error: str) -> Refusal:
    return Refusal(answers.body({"error_description": error, "error": error}, status))
