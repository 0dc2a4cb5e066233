"""Builds of the job. Here a build takes no time: its parameters say how it ends. Numbers are never given again."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

JOB = "job/apps/job/billing"
FULL_NAME = "apps » billing"
SHA = "0f886c74949c3ee7e489188911c7dc0c1d547418"
ENDS = ("SUCCESS", "UNSTABLE", "FAILURE", "NOT_BUILT", "ABORTED")
_KIND = "build"


class Builds:
    """Keeps builds as documents. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site, self._documents = site, Documents(site.store)

    def get(self, number: str) -> Document | None:
        """One that is there."""
        return self._documents.get(_KIND, number)

    def all(self) -> list[Document]:
        """Newest first."""
        return self._documents.all(_KIND)[::-1]

    def start(self, parameters: Mapping[str, str], person: Person) -> Document:
        """A build that runs."""
        number, now = self._site.store.next_number("build", 1), int(self._site.now() * 1000)
        started = {"shortDescription": f"Started by user {person.full_name}", "userId": person.name}
        given = [{"name": name, "value": value} for name, value in parameters.items()]
        revision = {"SHA1": SHA, "branch": [{"SHA1": SHA, "name": "refs/remotes/origin/main"}]}
        actions: list[Document] = [
            {"_class": "hudson.model.CauseAction", "causes": [{"_class": "hudson.model.Cause$UserIdCause", **started}]},
            {"_class": "hudson.model.ParametersAction", "parameters": given},
            {"_class": "hudson.plugins.git.util.BuildData", "lastBuiltRevision": revision},
            {},
        ]
        return self.put(
            {
                "_class": "hudson.model.FreeStyleBuild",
                "actions": actions,
                "building": True,
                "description": None,
                "displayName": f"#{number}",
                "duration": 0,
                "fullDisplayName": f"{FULL_NAME} #{number}",
                "id": str(number),
                "number": number,
                "result": None,
                "timestamp": now,
                "url": f"{self._site.base_url}/{JOB}/{number}/",
            }
        )

    def put(self, build: Document) -> Document:
        """The build as it is now."""
        return self._documents.put(_KIND, build["id"], build, int(self._site.now() * 1000))

    def remove(self, build: Document) -> None:
        """Thrown away."""
        self._documents.remove(_KIND, build["id"], int(self._site.now() * 1000))

    def count(self) -> int:
        """How many there are."""
        return len(self._documents.all(_KIND))

    def reset(self) -> None:
        """Forgets everything."""
        self._documents.reset()
