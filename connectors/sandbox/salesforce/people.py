"""Users as an administrator has them: profiles and rights, sessions, tokens, jobs and approvals, and what a user who
is made inactive loses [object reference: User, PermissionSetAssignment, AuthSession, OauthToken, CronTrigger,
ProcessInstanceWorkitem].
"""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Document
from connectors.sandbox.gate import signed_in
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.salesforce import answers
from connectors.sandbox.salesforce.objects import Objects, user_id
from connectors.sandbox.salesforce.schema import KINDS, make_id
from connectors.sandbox.site import Site

REVOKE = "/services/oauth2/revoke"


class People:
    """What belongs to users. Some of it people make on pages of their own: `/setup/...` stands for those."""

    def __init__(self, site: Site, objects: Objects) -> None:
        self._site, self._objects = site, objects

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.post(REVOKE, self.revoke),
            web.post("/setup/tokens", self.authorise),
            web.post("/setup/jobs", self.schedule),
            web.post("/services/data/{version}/process/approvals", self.submit),
        ]

    async def revoke(self, request: web.Request) -> web.Response:
        """By the token or its delete token; a form. 400 for one that is not known."""
        wanted = str((await request.post()).get("token", ""))
        found = next((each for each in self._objects.all("OauthToken") if each["DeleteToken"] == wanted), None)
        if found is None:
            return answers.body({"error": "invalid_token", "error_description": "invalid token"}, 400)
        with self._site.store.change():
            self._objects.remove("OauthToken", found)
        return web.Response(status=200)

    async def authorise(self, request: web.Request) -> web.Response:
        """A user lets an application act for them."""
        app, person = (await request.json())["app"], _person(request)
        with self._site.store.change():
            token = {"UserId": user_id(person), "AppName": app, "DeleteToken": secrets.token_urlsafe(12), "UseCount": 1}
            self._objects.keep("OauthToken", token, person)
        return answers.body({"app": app}, 201)

    async def schedule(self, request: web.Request) -> web.Response:
        """A user schedules Apex."""
        name, person = (await request.json())["name"], _person(request)
        with self._site.store.change():
            detail = self._objects.keep("CronJobDetail", {"Name": name}, person)
            when = {"NextFireTime": "2027-01-01T00:00:00.000+0000", "State": "WAITING"}
            job = {"OwnerId": user_id(person), "CronJobDetailId": detail["Id"], **when}
            made = self._objects.keep("CronTrigger", job, person)
        return answers.body({"id": made["Id"]}, 201)

    async def submit(self, request: web.Request) -> web.Response:
        """Submits records for approval to those named."""
        person = _person(request)
        with self._site.store.change():
            for each in (await request.json())["requests"]:
                instance = {"TargetObjectId": each["contextId"], "Status": "Pending"}
                made = self._objects.keep("ProcessInstance", instance, person)
                for actor in each["nextApproverIds"]:
                    item = {"ActorId": actor, "ProcessInstanceId": made["Id"]}
                    self._objects.keep("ProcessInstanceWorkitem", item, person)
        return answers.body([{"success": True, "instanceStatus": "Pending"}])

    def may_change(self, kind: str, before: Document, given: dict[str, Any]) -> None:
        """Raises Refusal where somebody has to stay: with the vendor's words, the code is not known for certain [M]."""
        person = next((each for each in PEOPLE if user_id(each) == before["Id"]), None)
        stays = person is not None and person.name == self._site.options.default_owner
        if kind == "User" and given.get("IsActive") is False and stays:
            said = "You cannot deactivate a user who is the default owner of cases."
            raise answers.refused(400, "FIELD_INTEGRITY_EXCEPTION", said, ["IsActive"])

    def changed(self, kind: str, document: Document) -> None:
        """A user who is inactive is signed out, and no application acts for them any more."""
        if kind != "User" or document["IsActive"]:
            return
        for other, field in (("AuthSession", "UsersId"), ("OauthToken", "UserId")):
            for each in self._objects.all(other):
                if each[field] == document["Id"]:
                    self._objects.remove(other, each)

    def may_delete(self, kind: str, document: Document) -> None:
        """Raises Refusal for what cannot be deleted."""
        if kind == "PermissionSetAssignment":
            right = self._objects.get("PermissionSet", document["PermissionSetId"])
            if right["IsOwnedByProfile"]:
                said = "Permission sets that are owned by a profile cannot be taken away."
                raise answers.refused(400, "INVALID_CROSS_REFERENCE_KEY", said)
        if kind in ("User", "OauthToken", "CronTrigger", "UserPermissionAccess"):
            raise answers.refused(405, "METHOD_NOT_ALLOWED", "HTTP Method 'DELETE' not allowed. Allowed are HEAD,GET")

    def is_active(self, person: Person) -> bool:
        """Whether somebody may sign in."""
        return bool(self._objects.get("User", user_id(person))["IsActive"])


def users() -> list[tuple[str, Document]]:
    """What there is at first, by kind: users, and the profile of each, which owns a set of rights."""
    found = list[tuple[str, Document]]()
    for number, (name, is_admin) in enumerate((("Standard User", False), ("System Administrator", True)), start=1):
        rights = {"PermissionsModifyAllData": is_admin, "PermissionsManageUsers": is_admin}
        profile = {"Id": make_id("00e", number), "Name": name, **rights}
        own = {"Name": f"X{profile['Id']}", "Label": name, "IsOwnedByProfile": True, "ProfileId": profile["Id"]}
        found += [("Profile", profile), ("PermissionSet", {"Id": make_id("0PS", 900 + number), **own, **rights})]
    for number, person in enumerate(PEOPLE, start=1):
        which = 2 if person.admin else 1
        found.append(("User", _user(person) | {"ProfileId": make_id("00e", which)}))
        held = {"AssigneeId": user_id(person), "PermissionSetId": make_id("0PS", 900 + which)}
        found.append(("PermissionSetAssignment", {"Id": make_id("0Pa", 900 + number), **held}))
    return found


def _user(person: Person) -> Document:
    first, _, last = person.full_name.partition(" ")
    none = dict.fromkeys(KINDS["User"].fields)
    named = {"Username": person.email, "Email": person.email, "Name": person.full_name, "FirstName": first}
    at = {"SystemModstamp": "2026-01-01T00:00:00.000+0000", "LastModifiedDate": "2026-01-01T00:00:00.000+0000"}
    return none | named | at | {"Id": user_id(person), "LastName": last, "IsActive": True, "IsDeleted": False}


def _person(request: web.Request) -> Person:
    person = signed_in(request)
    assert person is not None, "every path but that of tokens needs somebody"
    return person
