"""Merge requests of the project, and its members. Members have no times: their list is all there is."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.gitlab import answers
from connectors.sandbox.gitlab.asking import API, given_to, known_project, page_of, person_of, since_of
from connectors.sandbox.gitlab.events import Events
from connectors.sandbox.gitlab.issues import PATH, PROJECT, person_view, shown_time
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.site import Site

_EVENTS = {"close": "closed", "reopen": "opened"}


class Merging:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, documents: Documents, events: Events) -> None:
        self._site, self._documents, self._events = site, documents, events
        if not documents.all("member"):
            with site.store.change():
                self.found()

    def found(self) -> None:
        """Everybody who may sign in belongs to the project at first. Inside a `change()`."""
        for person in PEOPLE:
            self._put_member(person, 50 if person.admin else 30)

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        project = f"{API}/projects/{{project}}"
        all_, one = f"{project}/merge_requests", f"{project}/merge_requests/{{iid}}"
        return [
            web.get(all_, self.list),
            web.post(all_, self.create),
            web.get(one, self.read),
            web.put(one, self.update),
            web.put(f"{one}/merge", self.merge),
            web.delete(one, self.delete),
            web.get(f"{project}/members", self.members),
            web.get(f"{project}/members/all", self.members),
            web.get(f"{project}/members/all/{{id}}", self.member),
            web.post(f"{project}/members", self.add),
            web.delete(f"{project}/members/{{id}}", self.remove),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """By time of change, oldest first."""
        known_project(request)
        found = [each for each, _ in self._documents.listed("merge_request", since=since_of(request))]
        if "state" in request.query:
            found = [each for each in found if each["state"] == request.query["state"]]
        if "reviewer_id" in request.query:
            wanted = request.query["reviewer_id"]
            found = [each for each in found if wanted in {str(one["id"]) for one in each["reviewers"]}]
        return page_of(request, found)

    async def read(self, request: web.Request) -> web.Response:
        """One, by its number in the project."""
        return answers.body(self._one(request))

    async def create(self, request: web.Request) -> web.Response:
        """201 with the merge request."""
        known_project(request)
        given, person = await given_to(request), person_of(request)
        missing = [name for name in ("source_branch", "target_branch", "title") if not given.get(name)]
        if missing:
            raise answers.refused(400, f"{missing[0]} is missing", key="error")
        with self._site.store.change():
            iid = self._site.store.next_number("merge_request", 1)
            made = _blank(iid, shown_time(self._now()), person)
            made |= {name: given[name] for name in ("source_branch", "target_branch", "title")}
            made |= {"description": given.get("description")}
            fields = {"title": (None, made["title"])}
            self._events.note("create", "merge_request", str(iid), made["references"]["full"], person, fields=fields)
            self._put(made, "open", person)
        return answers.body(made, 201)

    async def update(self, request: web.Request) -> web.Response:
        """Title, description, and `state_event`."""
        before, given, person = self._one(request), await given_to(request), person_of(request)
        event = given.get("state_event")
        if event is not None and event not in _EVENTS:
            raise answers.refused(400, "state_event does not have a valid value", key="error")
        changed: Document = {name: given[name] for name in ("title", "description") if name in given}
        changed |= {"state": _EVENTS[event]} if event else {}
        if "reviewer_ids" in given:
            people = [person_view(each) for each in PEOPLE]
            changed["reviewers"] = [each for each in people if each["id"] in given["reviewer_ids"]]
        return answers.body(self._changed(before, changed, event or "update", person))

    async def merge(self, request: web.Request) -> web.Response:
        """200; 405 for one that is not open."""
        before, person = self._one(request), person_of(request)
        if before["state"] != "opened":
            raise answers.refused(405, "405 Method Not Allowed")
        changed = {"state": "merged", "merged_at": shown_time(self._now())}
        return answers.body(self._changed(before, changed, "merge", person))

    async def delete(self, request: web.Request) -> web.Response:
        """204. No webhook tells of it [M]."""
        before, person = self._one(request), person_of(request)
        with self._site.store.change():
            self._documents.remove("merge_request", str(before["iid"]), self._now())
            self._events.note("delete", "merge_request", str(before["iid"]), before["references"]["full"], person)
        return web.Response(status=204)

    async def members(self, request: web.Request) -> web.Response:
        """All, those of the groups above included."""
        known_project(request)
        return page_of(request, self._documents.all("member"))

    async def member(self, request: web.Request) -> web.Response:
        """One of them."""
        known_project(request)
        return answers.body(self._member(request.match_info["id"]))

    async def add(self, request: web.Request) -> web.Response:
        """201 with the member."""
        known_project(request)
        given = await given_to(request)
        person = next((each for each in PEOPLE if person_view(each)["id"] == given.get("user_id")), None)
        if person is None:
            raise answers.refused(404, "404 User Not Found")
        with self._site.store.change():
            member = self._put_member(person, int(given.get("access_level", 30)))
        return answers.body(member, 201)

    async def remove(self, request: web.Request) -> web.Response:
        """204."""
        known_project(request)
        member = self._member(request.match_info["id"])
        with self._site.store.change():
            self._documents.remove("member", str(member["id"]), self._now())
        return web.Response(status=204)

    def _changed(self, before: Document, changed: Document, action: str, person: Person) -> Document:
        fields = {name: (before[name], value) for name, value in changed.items() if before[name] != value}
        with self._site.store.change():
            key = before["references"]["full"]
            self._events.note("update", "merge_request", str(before["iid"]), key, person, fields=fields)
            return self._put({**before, **changed, "updated_at": shown_time(self._now())}, action, person)

    def _put(self, request: Document, action: str, person: Person) -> Document:
        names = ("id", "iid", "title", "description", "state", "source_branch", "target_branch", "updated_at")
        told = {**{name: request[name] for name in names}, "target_project_id": PROJECT, "action": action}
        self._events.post("merge_request", person, object_attributes=told)
        return self._documents.put("merge_request", str(request["iid"]), request, self._now())

    def _put_member(self, person: Person, level: int) -> Document:
        member = {**person_view(person), "access_level": level, "expires_at": None, "membership_state": "active"}
        return self._documents.put("member", str(member["id"]), member, self._now())

    def _one(self, request: web.Request) -> Document:
        known_project(request)
        found = self._documents.get("merge_request", request.match_info["iid"])
        if found is None:
            raise answers.refused(404, "404 Not found")
        return found

    def _member(self, id: str) -> Document:
        found = self._documents.get("member", id)
        if found is None:
            raise answers.refused(404, "404 Not found")
        return found

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def _blank(iid: int, now: str, person: Person) -> dict[str, Any]:
    return {
        "id": 70_000 + iid,
        "iid": iid,
        "project_id": PROJECT,
        "state": "opened",
        "created_at": now,
        "updated_at": now,
        "merged_at": None,
        "author": person_view(person),
        "labels": [],
        "reviewers": [],
        "draft": False,
        "sha": "0" * 40,
        "references": {"short": f"!{iid}", "relative": f"!{iid}", "full": f"{PATH}!{iid}"},
    }
