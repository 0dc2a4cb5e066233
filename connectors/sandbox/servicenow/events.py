"""Our documented business rule: after each change of a row of the tables it watches it posts the record, signed.
ServiceNow itself has no standard (facts.md 1.8).
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from connectors.sandbox.editlog import Edit, comment_view
from connectors.sandbox.people import Person, by_name
from connectors.sandbox.servicenow.columns import JOURNALS, SYSTEM_COLUMNS, Table
from connectors.sandbox.servicenow.people_tables import KEY
from connectors.sandbox.servicenow.records import Records, moment
from connectors.sandbox.servicenow.render import Renderer, View
from connectors.sandbox.servicenow.rules import Row
from connectors.sandbox.site import Delivery, Site

_NOISE = frozenset({*SYSTEM_COLUMNS, *JOURNALS})
_MARKERS = frozenset({"correlation_id", "correlation_display", KEY})


class Events:
    """Tells the world about an edit: edit log and webhook, inside the change that makes it."""

    def __init__(self, site: Site, records: Records, renderer: Renderer) -> None:
        self._site, self._records, self._renderer = site, records, renderer

    def written(
        self,
        table: Table,
        operation: Literal["insert", "update", "delete"],
        before: Row | None,
        after: Row,
        journal: Sequence[Row],
        person: Person,
    ) -> None:
        """One write of a row of a watched table."""
        view = self._record(table, after)
        now = _as_raw(table, view)
        was = dict.fromkeys(now) if before is None else _as_raw(table, self._record(table, before))
        fields = {name: (was[name], now[name]) for name in now if name not in _NOISE and _differs(was[name], now[name])}
        version = int(after["sys_mod_count"])
        if operation == "delete":
            self._log(table, "delete", after, person, version=version)
        elif operation == "insert" or fields:
            kind: Literal["create", "update"] = "create" if operation == "insert" else "update"
            self._log(table, kind, after, person, fields=fields, version=version)
        for entry in journal:
            self._log(table, "comment", after, person, comment=journal_view(entry), version=version)
        self._post(table, operation, view, journal, person)

    def raw(self, table: Table, row: Row) -> dict[str, Any]:
        """The record as a connector's `raw` has it: references nested, our marker left out."""
        return _as_raw(table, self._record(table, row))

    def _record(self, table: Table, row: Row) -> dict[str, Any]:
        """As webhooks show it: plain references, with what a receiver needs to know of the rows they point to."""
        walks = (f"{column}.{name}" for column, names in table.shows.items() for name in names)
        return self._renderer.show(table, row, View(fields=(*table.columns, *walks), exclude_links=True))

    def _log(
        self,
        table: Table,
        kind: Literal["create", "update", "comment", "delete"],
        row: Row,
        person: Person,
        *,
        version: int,
        fields: Mapping[str, tuple[Any, Any]] | None = None,
        comment: Mapping[str, Any] | None = None,
    ) -> None:
        self._site.log.append(
            Edit(
                at=self._site.true_now(),
                object=table.name,
                id=row["sys_id"],
                key=row["number"] if table.prefix else row.get("name", ""),
                actor=person.actor,
                user=person.name,
                kind=kind,
                fields=fields or {},
                comment=comment,
                version=version,
            )
        )

    def _post(self, table: Table, operation: str, view: dict[str, Any], journal: Sequence[Row], person: Person) -> None:
        wanted = ("sys_id", "element", "value", "sys_created_by", "sys_created_on")
        body = {
            "id": str(uuid.uuid4()),
            "table": table.name,
            "operation": operation,
            "sys_id": view["sys_id"],
            "record": view,
            "journal": [{name: entry[name] for name in wanted} for entry in journal],
        }
        self._site.hooks.enqueue(event=f"{table.name}_{operation}", body=orjson.dumps(body), actor=person.actor)


def _as_raw(table: Table, record: Mapping[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {name: value for name, value in record.items() if "." not in name and name not in _MARKERS}
    for column, names in table.shows.items():
        raw[column] = {"value": raw[column]} | {name: record[f"{column}.{name}"] for name in names}
    return raw


def _differs(was: Any, now: Any) -> bool:
    """On a create only what is not empty counts as set."""
    return bool(was != now and not (was is None and (now == "" or (isinstance(now, dict) and not now["value"]))))


def journal_view(entry: Row) -> dict[str, Any]:
    """A journal entry as the admin API shows it."""
    return comment_view(
        id=entry["sys_id"],
        kind="comment" if entry["element"] == "comments" else "work_note",
        author=by_name(entry["sys_created_by"]),
        body=entry["value"],
        at=moment(entry["sys_created_on"]),
    )


def hook_headers(delivery: Delivery, secret: str, now: float) -> dict[str, str]:
    """Signature over "<timestamp>.<raw body>"; the timestamp is that of this attempt, so that a late repeat is not
    taken for a replay.
    """
    timestamp = str(int(now))
    if not secret:
        return {"X-Lockstep-Timestamp": timestamp}
    signed = hmac.new(secret.encode(), timestamp.encode() + b"." + delivery.body, hashlib.sha256)
    return {"X-Lockstep-Timestamp": timestamp, "X-Lockstep-Signature": f"sha256={signed.hexdigest()}"}
