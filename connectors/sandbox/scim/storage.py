"""Resources in the stand-in's file, and the edit log, around the storage that scim2-server brings."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from scim2_models import Resource, ResourceType, ScimProvider
from scim2_server.memory import InMemoryStorage

from connectors import directory
from connectors.sandbox.editlog import Edit
from connectors.sandbox.people import Person
from connectors.sandbox.site import Site

SETTING = "scim"
Document = Mapping[str, Any]
Kind = Literal["create", "update", "delete"]


class FileStorage(InMemoryStorage):
    """Theirs, with each change on disk before it is answered. `person`: who the present request is of."""

    def __init__(self, site: Site, provider: ScimProvider) -> None:
        super().__init__(clock=lambda: datetime.fromtimestamp(site.now(), UTC))
        self._site = site
        self.person: Person | None = None
        kept = site.store.setting(SETTING) or []
        self.resources = [_model(provider, each).model_validate(each) for each in kept]
        self.versions = itertools.count(1 + max((_number(each) for each in kept), default=0))

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """As theirs, and logged."""
        made = super().create(resource_type, resource)
        self._keep("create", {}, made.model_dump())
        return made

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """As theirs, and logged."""
        before = self.get(resource_type, str(resource.id)).model_dump()
        made = super().update(resource_type, resource, expected_version=expected_version)
        self._keep("update", before, made.model_dump())
        return made

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """As theirs, and logged."""
        before = self.get(resource_type, resource_id).model_dump()
        super().delete(resource_type, resource_id, expected_version=expected_version)
        self._keep("delete", before, {})

    def forget(self) -> None:
        """Inside a change: all resources are gone; versions go on."""
        self.resources = []
        self._site.store.set_setting(SETTING, [])

    def _keep(self, kind: Kind, before: Document, after: Document) -> None:
        shown, person = after or before, self.person
        before, after = directory.shown(before), directory.shown(after)
        names = sorted({*before, *after} - {"meta"})
        edit = Edit(
            at=self._site.true_now(),
            object=str(shown["meta"]["resourceType"]).lower(),
            id=shown["id"],
            key=shown.get("userName") or shown.get("displayName") or "",
            actor=person.actor if person else "human",
            user=person.name if person else "",
            kind=kind,
            fields={name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)},
        )
        with self._site.store.change():
            self._site.store.set_setting(SETTING, [each.model_dump() for each in self.resources])
            self._site.log.append(edit)


def _model(provider: ScimProvider, document: Document) -> Any:
    return provider.model_for(document["meta"]["resourceType"])


def _number(document: Document) -> int:
    return int(str(document["meta"]["version"]).removeprefix('W/"').removesuffix('"'))
