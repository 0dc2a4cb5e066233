"""Keys that act for people: fine-grained tokens, which only an app is shown, and credentials that single sign-on let
in [GHD: rest/orgs/personal-access-tokens, rest/orgs (SAML SSO authorizations)]. People make them on their own pages.
"""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import given_to, known_organisation, person_of, text_of
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import API, OWNER, user
from connectors.sandbox.site import Site


class Keys:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things) -> None:
        self._site, self._things = site, things

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        tokens, signed_in = "/orgs/{org}/personal-access-tokens", "/orgs/{org}/credential-authorizations"
        return [
            web.get(tokens, self.tokens),
            web.post(f"{tokens}/{{id}}", self.revoke),
            web.get(signed_in, self.credentials),
            web.delete(f"{signed_in}/{{id}}", self.forget),
            web.post("/settings/personal-access-tokens", self.make_token),
            web.post("/settings/keys", self.make_credential),
        ]

    async def tokens(self, request: web.Request) -> web.Response:
        """Of the owners named, or of everybody."""
        self._only_apps(request)
        owners = set(request.query.getall("owner[]", []))
        found = [each for each in self._things.all("token") if not owners or each["owner"]["login"] in owners]
        return answers.page(request, found)

    async def revoke(self, request: web.Request) -> web.Response:
        """204."""
        self._only_apps(request)
        if (await given_to(request)).get("action") != "revoke":
            raise answers.invalid("PersonalAccessToken", "action", "invalid")
        return self._gone("token", request.match_info["id"])

    async def credentials(self, request: web.Request) -> web.Response:
        """Of one member, or of all; only where single sign-on is set up."""
        self._only_with_sso(request)
        login = request.query.get("login")
        found = [each for each in self._things.all("credential") if login in (None, each["login"])]
        return answers.page(request, found)

    async def forget(self, request: web.Request) -> web.Response:
        """204."""
        self._only_with_sso(request)
        return self._gone("credential", request.match_info["id"])

    async def make_token(self, request: web.Request) -> web.Response:
        """On the person's own page."""
        name, person = text_of(await given_to(request), "name", "PersonalAccessToken"), person_of(request)
        with self._site.store.change():
            id, now = self._things.number("token", 25_381), self._things.now()
            token: Thing = {
                "id": id,
                "owner": user(person),
                "repository_selection": "all",
                "repositories_url": f"{API}/orgs/{OWNER}/personal-access-tokens/{id}/repositories",
                "permissions": {"repository": {"metadata": "read", "contents": "write"}},
                "access_granted_at": now,
                "token_id": id + 1,
                "token_name": name,
                "token_expired": False,
                "token_expires_at": None,
                "token_last_used_at": now,
            }
            self._things.put("token", str(id), token)
        return answers.body(token, 201)

    async def make_credential(self, request: web.Request) -> web.Response:
        """A key that the person let in by signing in with the company's account."""
        title, person = text_of(await given_to(request), "title", "PublicKey"), person_of(request)
        with self._site.store.change():
            id = self._things.number("credential", 161_195)
            key: Thing = {
                "login": person.name,
                "credential_id": id,
                "credential_type": "SSH Key",
                "fingerprint": f"jklmnop{id}",
                "credential_authorized_at": self._things.now(),
                "credential_accessed_at": None,
                "authorized_credential_id": id + 1,
                "authorized_credential_title": title,
            }
            self._things.put("credential", str(id), key)
        return answers.body(key, 201)

    def _gone(self, kind: str, id: str) -> web.Response:
        self._things.get(kind, id)
        with self._site.store.change():
            self._things.delete(kind, id)
        return web.Response(status=204)

    def _only_apps(self, request: web.Request) -> None:
        known_organisation(request)
        if not self._site.options.as_app:
            raise answers.refused(403, "Resource not accessible by personal access token")

    def _only_with_sso(self, request: web.Request) -> None:
        known_organisation(request)
        if not self._site.options.single_sign_on:
            raise answers.refused(404, "Not Found")
