"""CRM objects and what changes them. Properties are texts; an object has no version, only a time in milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.hubspot import answers
from connectors.sandbox.site import Refusal, Site

KEY = "lockstep_key"
"""The custom property for our key: single-line text, unique."""
MOST_FOUND = 10_000
"""A search shows no more than so many, whatever there is (facts.md 5.2 [HSD])."""


_DEAL = ("dealname", "dealstage", "pipeline", "amount", "closedate")


class Kind(NamedTuple):
    """One object type."""

    id: str
    singular: str
    properties: Mapping[str, tuple[str, ...]]
    """Name -> options; () takes any text."""
    modified: str = "hs_lastmodifieddate"
    needed: tuple[str, ...] = ()
    unique: tuple[str, ...] = (KEY,)


KINDS: Mapping[str, Kind] = {
    "tickets": Kind(
        "0-5",
        "ticket",
        {
            "subject": (),
            "content": (),
            "hs_pipeline": ("0",),
            "hs_pipeline_stage": ("1", "2", "3", "4"),
            "hs_ticket_priority": ("LOW", "MEDIUM", "HIGH", "URGENT"),
            "hubspot_owner_id": (),
            "closed_date": (),
            KEY: (),
        },
        needed=("hs_pipeline_stage",),
    ),
    "contacts": Kind(
        "0-1",
        "contact",
        dict.fromkeys(("email", "firstname", "lastname", "phone", "jobtitle", "company", "city", KEY), ()),
        modified="lastmodifieddate",  # facts.md 5.2: contacts alone call it so
        unique=(KEY, "email"),
    ),
    "companies": Kind(
        "0-2",
        "company",
        {
            **dict.fromkeys(("name", "domain", "phone", "industry", "description", "numberofemployees"), ()),
            **dict.fromkeys(("address", "city", "zip", "country", KEY), ()),
        },
    ),
    "deals": Kind("0-3", "deal", dict.fromkeys((*_DEAL, "hubspot_owner_id", "hs_is_closed", KEY), ())),
}


class Objects:
    """Owns what is kept. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept = Documents(site.store)

    def get(self, kind: str, id: str, by: str = "") -> Document:
        """By id, or by a property that is unique. Raises Refusal with 404, for what is archived too."""
        found = self._by(kind, by, id) if by else self._kept.get(kind, id)
        if found is None:
            raise answers.refused(404, "resource not found")
        return found

    def by(self, kind: str, name: str, value: str) -> Document | None:
        """The object that has this unique value."""
        return self._by(kind, name, value)

    def all(self, kind: str) -> list[Document]:
        """In the order in which they were made."""
        return self._kept.all(kind)

    def find(self, kind: str, asked: Mapping[str, Any]) -> list[Document]:
        """What a search shows: the index does not know yet what changed just now. Raises Refusal with 400."""
        shown = [each for each, _ in self._kept.listed(kind) if each["at"] <= self._now() - self._lag()]
        groups = [_filters(group, KINDS[kind]) for group in asked.get("filterGroups", [])]
        found = [each for each in shown if not groups or any(_fits(each, group) for group in groups)]
        for rule in asked.get("sorts", [])[:1]:
            name = rule if isinstance(rule, str) else rule.get("propertyName", "")
            falling = not isinstance(rule, str) and rule.get("direction") == "DESCENDING"
            found.sort(key=lambda each: (_moment(each["properties"].get(name)), int(each["id"])), reverse=falling)
        return found

    def create(self, kind: str, given: Mapping[str, Any]) -> Document:
        """Raises Refusal with 400 or 409."""
        written = self._checked(kind, given, but="")
        if missing := [name for name in KINDS[kind].needed if not written.get(name)]:
            raise answers.refused(400, f"Property values were not valid: required property {missing[0]} is missing")
        now, id = self._now(), str(self._site.store.next_number("object", 1_145_814_001))
        pipeline = {"hs_pipeline": "0"} if kind == "tickets" else {}
        return self._put(kind, {"id": id, "created": now, "properties": pipeline | written}, now)

    def update(self, kind: str, before: Document, given: Mapping[str, Any]) -> Document:
        """An edit that changes nothing moves nothing. Raises Refusal with 400 or 409."""
        properties = {**before["properties"], **self._checked(kind, given, but=before["id"])}
        if properties == before["properties"]:
            return before
        return self._put(kind, before | {"properties": properties}, self._now())

    def archive(self, kind: str, document: Document) -> None:
        """It can be restored, and reads as absent until then."""
        self._kept.remove(kind, document["id"], self._now())

    def reset(self) -> None:
        """Forgets everything."""
        self._kept.reset()

    def _by(self, kind: str, name: str, value: str) -> Document | None:
        if name not in KINDS[kind].unique:
            raise answers.refused(400, f"Property {name} is not unique")
        return next((each for each in self._kept.all(kind) if each["properties"].get(name) == value), None)

    def _checked(self, kind: str, given: Mapping[str, Any], *, but: str) -> dict[str, str | None]:
        made, written = KINDS[kind], dict[str, str | None]()
        for name, value in given.items():
            if name not in made.properties:
                raise invalid(name, f'Property "{name}" does not exist', "PROPERTY_DOESNT_EXIST")
            options, text = made.properties[name], None if value in (None, "") else str(value)
            if text is not None and options and text not in options:
                raise invalid(name, f"{text} was not one of the allowed options", "INVALID_OPTION")
            taken = self._by(kind, name, text) if text is not None and name in made.unique else None
            if taken is not None and taken["id"] != but:
                raise answers.refused(409, f"{made.singular.capitalize()} already exists. Existing ID: {taken['id']}")
            written[name] = text
        return written

    def _put(self, kind: str, document: Document, at: int) -> Document:
        at = max(at, document.get("at", 0) + 1)  # two edits of one object have two times
        if kind == "tickets":
            closed = document["properties"].get("hs_pipeline_stage") == "4"
            document["properties"]["closed_date"] = shown_time(at) if closed else None
        own = {KINDS[kind].modified: shown_time(at), "hs_object_id": document["id"]}
        properties = {name: value for name, value in document["properties"].items() if value is not None} | own
        return self._kept.put(kind, document["id"], document | {"at": at, "properties": properties}, at)

    def _lag(self) -> int:
        return int(self._site.options.index_lag_s * 1000)

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def shown(document: Document, kind: str, asked: Iterable[str] = ()) -> Document:
    """As the API shows it: the properties asked for, null where there is nothing, and those that always are."""
    held, named = document["properties"], [each for each in asked if each in KINDS[kind].properties]
    always = (KINDS[kind].modified, "hs_object_id")
    return {
        "id": document["id"],
        "properties": {name: held.get(name) for name in (*named, *always)},
        "createdAt": shown_time(document["created"]),
        "updatedAt": shown_time(document["at"]),
        "archived": False,
    }


def shown_time(at: int) -> str:
    """Milliseconds as the API shows them."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def invalid(name: str, message: str, code: str) -> Refusal:
    """A property with a value that it does not take."""
    said = {"message": message, "code": code, "context": {"propertyName": [name]}}
    return answers.refused(400, f"Property values were not valid: {message}", errors=[said])


def _filters(group: Mapping[str, Any], kind: Kind) -> list[tuple[str, str, str]]:
    known = {*kind.properties, kind.modified, "hs_object_id"}
    found = []
    for each in group.get("filters", []):
        name, operator = str(each.get("propertyName")), str(each.get("operator"))
        if name not in known or operator not in ("EQ", "GTE", "GT", "LTE", "LT"):
            raise answers.refused(400, f"There was a problem with the request: filter {name} {operator}")
        found.append((name, operator, str(each.get("value", ""))))
    return found


def _fits(document: Document, filters: list[tuple[str, str, str]]) -> bool:
    return all(_holds(document["properties"].get(name), operator, value) for name, operator, value in filters)


def _holds(held: Any, operator: str, value: str) -> bool:
    if operator == "EQ":
        return bool(held == value)
    a, b = _moment(held), _moment(value)
    return {"GTE": a >= b, "GT": a > b, "LTE": a <= b, "LT": a < b}[operator]


def _moment(value: Any) -> float:
    """Times are compared as epoch milliseconds, whichever way they are written."""
    text = str(value or "")
    if text.isdecimal():
        return float(text)
    try:
        return datetime.fromisoformat(text).timestamp() * 1000
    except ValueError:
        return 0.0
