"""Objects, and what changes them. They have no version, only times in whole seconds; what is deleted stays known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.salesforce import answers
from connectors.sandbox.salesforce.schema import KEY, KINDS, TIMES, full_id, make_id
from connectors.sandbox.salesforce.soql import Query
from connectors.sandbox.site import Site

_NO_ID = ("OauthToken", "Id")
"""Always null, as the object reference has it."""
_NUMBERS = {person.name: at for at, person in enumerate(PEOPLE, start=1)}


def user_id(person: Person) -> str:
    """The id of a person's User."""
    return make_id("005", _NUMBERS[person.name])


class Objects:
    """Owns what is kept. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept = Documents(site.store)

    def get(self, kind: str, id: str) -> Document:
        """Raises Refusal with 404."""
        full = full_id(id)
        found = self._kept.get(kind, full)
        if found is not None:
            return found
        if self._kept.gone(kind, full):
            raise answers.refused(404, "ENTITY_IS_DELETED", "entity is deleted")
        raise answers.refused(404, "NOT_FOUND", "The requested resource does not exist")

    def by_key(self, kind: str, field: str, value: str) -> list[Document]:
        """Those that carry this external id. Raises Refusal with 404 for a field that is none."""
        if field != KEY or field not in KINDS[kind].fields:
            said = "Provided external ID field does not exist or is not accessible: " + field
            raise answers.refused(404, "NOT_FOUND", said)
        return [each for each in self._kept.all(kind) if each[KEY] == value]

    def find(self, query: Query, person: Person, *, deleted: bool) -> list[Document]:
        """The rows of a query, as it shows them to this person."""
        found = self._shown_to(person, query.object)
        if deleted:
            found += [each for each, _ in self._kept.listed(query.object, removed=True)]
        fitting = [each for each in found if self._fits(query, each)]
        for field, falling in reversed(query.order):
            fitting.sort(key=lambda row: _sortable(self._value(query.object, row, field)), reverse=falling)
        return [self._shown(query, each) for each in fitting[: query.limit]]

    def _shown_to(self, person: Person, kind: str) -> list[Document]:
        """Of sessions and tokens one's own, unless one manages users: the others are left out without a word."""
        manages = person.admin or (person.actor == "gateway" and self._site.options.manages_users)
        if kind == "UserPermissionAccess":
            return [{"Id": make_id("000", 1), **dict.fromkeys(KINDS[kind].computed, manages)}]
        own = {"AuthSession": "UsersId", "OauthToken": "UserId"}.get(kind)
        return [each for each in self._kept.all(kind) if own is None or manages or each[own] == user_id(person)]

    def create(self, kind: str, given: Mapping[str, Any], person: Person) -> Document:
        """Raises Refusal with 400."""
        made = KINDS[kind]
        if missing := [name for name in made.needed if given.get(name) in (None, "")]:
            said = f"Required fields are missing: [{', '.join(missing)}]"
            raise answers.refused(400, "REQUIRED_FIELD_MISSING", said, missing)
        written = self._checked(kind, given, but="")
        now, number = self._now(), self._site.store.next_number(kind, 1)
        id = make_id(made.prefix, number)
        owner = {"OwnerId": user_id(person)} if "OwnerId" in made.written else {}
        document: Document = {**dict.fromkeys(made.fields), **made.initial, **owner, **written, "Id": id}
        document |= {"CreatedDate": shown_time(now), "CreatedById": user_id(person), "IsDeleted": False}
        if kind == "Case":
            document["CaseNumber"] = f"{number + 1000:08d}"
        return self._put(kind, document, person, now)

    def update(self, kind: str, before: Document, given: Mapping[str, Any], person: Person) -> Document:
        """Raises Refusal with 400."""
        if cleared := [name for name in KINDS[kind].needed if name in given and given[name] in (None, "")]:
            said = f"Required fields are missing: [{', '.join(cleared)}]"
            raise answers.refused(400, "REQUIRED_FIELD_MISSING", said, cleared)
        return self._put(kind, before | self._checked(kind, given, but=before["Id"]), person, self._now())

    def touch(self, kind: str, id: str, person: Person) -> None:
        """A comment moves its case's time [M]."""
        self._put(kind, self.get(kind, id), person, self._now())

    def delete(self, kind: str, document: Document) -> None:
        """Into the recycle bin: `queryAll` shows it still."""
        now = self._now()
        self._kept.put(kind, document["Id"], document | {"IsDeleted": True, "SystemModstamp": shown_time(now)}, now)
        self._kept.remove(kind, document["Id"], now)

    def keep(self, kind: str, given: Document, person: Person) -> Document:
        """Made by the system itself."""
        id = make_id(KINDS[kind].prefix, self._site.store.next_number(kind, 1))
        return self._put(kind, {**dict.fromkeys(KINDS[kind].fields), **given, "Id": id}, person, self._now())

    def found(self, kind: str, document: Document) -> Document:
        """Was there from the beginning."""
        return self._kept.put(kind, document["Id"], {**dict.fromkeys(KINDS[kind].fields), **document}, 0)

    def remove(self, kind: str, document: Document) -> None:
        """Taken away by the system itself."""
        self._kept.remove(kind, document["Id"], self._now())

    def all(self, kind: str) -> list[Document]:
        """Those that are there."""
        return self._kept.all(kind)

    def named(self, kind: str, document: Document) -> dict[str, Document | None]:
        """Whom and what its ids name, nested as a query shows them, as far as they can be written."""
        return {
            name: {part: found[part] for part in ("Name", "Email") if part in found} if found else None
            for name, (field, _) in KINDS[kind].related.items()
            if field in KINDS[kind].written
            for found in (self._related(kind, document, name),)
        }

    def changed(self, kind: str, since: float, until: float, *, removed: bool) -> list[tuple[Document, int]]:
        """What changed, or was deleted, between two times."""
        found = self._kept.listed(kind, since=int(since * 1000), removed=removed)
        return [(each, at) for each, at in found if at < until * 1000]

    def reset(self) -> None:
        """Forgets everything."""
        self._kept.reset()

    def _checked(self, kind: str, given: Mapping[str, Any], *, but: str) -> dict[str, Any]:
        made = KINDS[kind]
        for name, value in given.items():
            if name not in made.fields:
                raise answers.refused(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {kind}")
            if name not in made.written:
                said = f"Unable to create/update fields: {name}."
                raise answers.refused(400, "INVALID_FIELD_FOR_INSERT_UPDATE", said, [name])
            if name in ("OwnerId", "ActorId"):
                self._may_own(kind, value)
            longest = made.written[name]
            if isinstance(value, str) and longest and len(value) > longest:
                said = f"{name}: data value too large: {value[:20]} (max length={longest})"
                raise answers.refused(400, "STRING_TOO_LONG", said, [name])
            if value not in (None, *made.picklists.get(name, (value,))):
                said = f"{name}: bad value for restricted picklist field: {value}"
                raise answers.refused(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", said, [name])
        key = given.get(KEY)
        if key and self._site.options.external_id_is_unique:
            taken = [each["Id"] for each in self.by_key(kind, KEY, key) if each["Id"] != but]
            if taken:
                said = f"duplicate value found: {KEY} duplicates value on record with id: {taken[0]}"
                raise answers.refused(400, "DUPLICATE_VALUE", said, [KEY])
        return {name: value if value != "" else None for name, value in given.items()}

    def _may_own(self, kind: str, id: Any) -> None:
        user = self._kept.get("User", full_id(str(id or "")))
        if user is not None and not user["IsActive"]:
            said = f"operation performed with inactive user [{id}] as owner of {kind.lower()}"
            raise answers.refused(400, "INACTIVE_OWNER_OR_USER", said)

    def _put(self, kind: str, document: Document, person: Person, now: int) -> Document:
        at = shown_time(now)
        document |= {"LastModifiedDate": at, "SystemModstamp": at, "LastModifiedById": user_id(person)}
        if kind == "Case":
            closed = document["Status"] == "Closed"
            document |= {"IsClosed": closed, "ClosedDate": (document.get("ClosedDate") or at) if closed else None}
        if kind == "Task":
            document["IsClosed"] = document["Status"] == "Completed"
        if kind == "Contact":
            document["Name"] = f"{document['FirstName'] or ''} {document['LastName']}".strip()
        return self._kept.put(kind, document["Id"], document, now)

    def _fits(self, query: Query, row: Document) -> bool:
        return all(each.holds(self._comparable(query.object, row, each.field)) for each in query.conditions)

    def _comparable(self, kind: str, row: Document, field: str) -> Any:
        value = self._value(kind, row, field)
        return datetime.fromisoformat(value).timestamp() if field in TIMES and value else value

    def _value(self, kind: str, row: Document, field: str) -> Any:
        related, dot, inner = field.partition(".")
        if not dot:
            return row.get(field)
        found = self._related(kind, row, related)
        return found.get(inner) if found else None

    def _related(self, kind: str, row: Document, related: str) -> Document | None:
        field, other = KINDS[kind].related[related]
        id = row.get(field) or ""
        return self._kept.get(other, id)

    def _shown(self, query: Query, row: Document) -> Document:
        shown: Document = {"attributes": _attributes(query.object, row["Id"])}
        for field in query.fields:
            related, dot, inner = field.partition(".")
            if not dot:
                shown[field] = None if (query.object, field) == _NO_ID else row.get(field)
                continue
            found = self._related(query.object, row, related)
            of = KINDS[query.object].related[related][1]
            inside = shown.setdefault(related, {"attributes": _attributes(of, found["Id"])} if found else None)
            if inside is not None and found is not None:
                inside[inner] = found.get(inner)
        return shown

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def _attributes(kind: str, id: str) -> dict[str, str]:
    return {"type": kind, "url": f"/services/data/v60.0/sobjects/{kind}/{id}"}


def _sortable(value: Any) -> tuple[bool, Any]:
    return value is not None, value if value is not None else ""


def shown_time(at: int) -> str:
    """Milliseconds as the API shows them: whole seconds (facts.md 5.1)."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
