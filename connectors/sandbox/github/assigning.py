"""Who has to do something: assignees of issues, and whose review of a pull request is asked for. Who may not is left
out without a word [OAS-GH].
"""

from __future__ import annotations

from aiohttp import web

from connectors.sandbox.github import answers
from connectors.sandbox.github.calls import REPO_PATH, given_to, known_repository, person_of
from connectors.sandbox.github.events import Events
from connectors.sandbox.github.things import Thing, Things
from connectors.sandbox.github.views import user
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.site import Site


class Assigning:
    """Handlers. Each answers for what is on disk."""

    def __init__(self, site: Site, things: Things, events: Events) -> None:
        self._site, self._things, self._events = site, things, events

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        assignees = f"{REPO_PATH}/issues/{{number}}/assignees"
        reviewers = f"{REPO_PATH}/pulls/{{number}}/requested_reviewers"
        return [
            web.post(assignees, self.assign),
            web.delete(assignees, self.unassign),
            web.post(reviewers, self.ask),
            web.delete(reviewers, self.ask_no_more),
        ]

    async def assign(self, request: web.Request) -> web.Response:
        """201 with the issue."""
        return answers.body(await self._assigned(request, add=True), 201)

    async def unassign(self, request: web.Request) -> web.Response:
        """200 with the issue."""
        return answers.body(await self._assigned(request, add=False))

    async def ask(self, request: web.Request) -> web.Response:
        """201 with the pull request."""
        return answers.body(await self._reviewed(request, add=True), 201)

    async def ask_no_more(self, request: web.Request) -> web.Response:
        """200 with the pull request."""
        return answers.body(await self._reviewed(request, add=False))

    async def _assigned(self, request: web.Request, *, add: bool) -> Thing:
        known_repository(request)
        number, person = request.match_info["number"], person_of(request)
        issue = self._things.get("issue", number)
        wanted = (await given_to(request)).get("assignees", [])
        people = self._changed(issue["assignees"], wanted, add=add)
        issue |= {"assignees": people, "assignee": next(iter(people), None), "updated_at": self._things.now()}
        with self._site.store.change():
            self._things.put("issue", number, issue)
            told: Thing = {"issue": issue, "assignee": next(iter(people), None)}
            self._events.told("issues", person, told, action="assigned" if add else "unassigned")
        return issue

    async def _reviewed(self, request: web.Request, *, add: bool) -> Thing:
        known_repository(request)
        number, person = request.match_info["number"], person_of(request)
        pull = self._things.get("pull_request", number)
        wanted = (await given_to(request)).get("reviewers", [])
        if add and pull["user"]["login"] in wanted:
            raise answers.refused(422, "Review cannot be requested from pull request author.")
        pull |= {"requested_reviewers": self._changed(pull["requested_reviewers"], wanted, add=add)}
        with self._site.store.change():
            self._things.put("pull_request", number, pull)
            told: Thing = {"number": pull["number"], "pull_request": pull}
            self._events.told(
                "pull_request", person, told, action="review_requested" if add else "review_request_removed"
            )
        return pull

    def _changed(self, before: list[Thing], wanted: list[str], *, add: bool) -> list[Thing]:
        known = {each["login"] for each in before}
        if not add:
            return [each for each in before if each["login"] not in wanted]
        return before + [
            user(each) for each in PEOPLE if each.name in wanted and each.name not in known and self._may(each)
        ]

    def _may(self, person: Person) -> bool:
        return any(self._things.find(kind, person.name) is not None for kind in ("member", "collaborator"))
