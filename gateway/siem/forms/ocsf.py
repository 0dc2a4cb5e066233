"""OCSF 1.6 [facts.md 7.4]. What the schema has no place for stands in `unmapped`, with the chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gateway.siem.event import Event
from gateway.siem.forms.classes import (
    ACCESS,
    ACCOUNT,
    API,
    AUTHENTICATION,
    DATASTORE,
    DETECTION,
    ENTITY,
    GROUP,
    LIFECYCLE,
    OTHER,
    SESSION,
    SEVERITIES,
)
from gateway.siem.forms.facts import Success, activity, address, detail_text, roles, success_of, whom
from gateway.siem.forms.kinds import Row, row_of
from gateway.siem.forms.sealing import sealed, told
from gateway.siem.forms.sender import PRODUCT, VENDOR, Rendered, Sender
from gateway.siem.forms.times import milliseconds

VERSION = "1.6.0"
SERVICE = "lockstep"
_STATUS = {Success.SUCCESS: (1, "Success"), Success.FAILURE: (2, "Failure"), Success.UNKNOWN: (0, "Unknown")}
_OF_FINDING = {1: (1, "New"), 2: (2, "In Progress"), 3: (4, "Resolved")}
"""The status of a finding is another thing: how far people are with it. By its activity."""


def written(event: Event, sender: Sender, cut: Sequence[str]) -> Rendered:
    """Whatever the schema requires is there, whatever the entry lacks."""
    row = row_of(event.kind)
    unmapped = told(
        {
            "kind": event.kind,
            "position": event.position,
            "link": event.link,
            "outcome": event.outcome,
            "record": event.record,
            "connection": event.connection,
            "cause": event.cause,
            "trace": event.trace,
            "detail": detail_text(event),
            "cut": list(cut),
        }
    )
    body = {**_base(event, row, sender, cut), **_OF_CLASS[row.sort.uid](event, row, sender), "unmapped": unmapped}
    return sealed(body, unmapped, event, cut)


def _base(event: Event, row: Row, sender: Sender, cut: Sequence[str]) -> dict[str, Any]:
    sort, doing = row.sort, activity(event, row)
    name = sort.activity(doing) if doing != OTHER else event.kind
    status, status_name = _OF_FINDING[doing] if sort is DETECTION else _STATUS[success_of(event)]
    return {
        "time": milliseconds(event.at),
        "message": event.text or event.kind,
        "activity_id": doing,
        "activity_name": name,
        "category_uid": sort.category_uid,
        "category_name": sort.category,
        "class_uid": sort.uid,
        "class_name": sort.name,
        "type_uid": sort.uid * 100 + doing,
        "type_name": f"{sort.name}: {sort.activity(doing)}",
        "severity_id": event.severity if event.severity in SEVERITIES else 0,
        "severity": SEVERITIES.get(event.severity, "Unknown"),
        "status_id": status,
        "status": status_name,
        "metadata": told(
            {
                "version": VERSION,
                "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": sender.version},
                "uid": event.id,
                "event_code": event.kind,
                "log_name": event.sink,
                "log_provider": sender.host,
                "sequence": event.number,
                "correlation_uid": event.correlation,
                "is_truncated": True if cut else None,
            }
        ),
    }


def _user(name: str) -> dict[str, Any]:
    return {"name": name or "unknown"}


def _actor(event: Event) -> dict[str, Any]:
    return {"user": _user(event.actor), "app_name": SERVICE}


def _source(event: Event, sender: Sender) -> dict[str, Any]:
    """Where the request came from; where that is not kept, this gateway."""
    where = address(event)
    return {"ip": where} if where else {"hostname": sender.host, "svc_name": SERVICE}


def _who(event: Event) -> dict[str, Any]:
    """What all classes of access management may have."""
    where = address(event)
    return told({"actor": _actor(event), "src_endpoint": {"ip": where} if where else None})


def _resource(event: Event, row: Row) -> dict[str, Any]:
    uid = event.record or event.connection or event.cause
    return told({"name": event.connection or row.object or event.kind, "type": row.object, "uid": uid})


def _account(event: Event, _row: Row, _sender: Sender) -> dict[str, Any]:
    return {**_who(event), "user": _user(whom(event))}


def _authentication(event: Event, _row: Row, sender: Sender) -> dict[str, Any]:
    service = {"name": SERVICE, "version": sender.version}
    return {**_account(event, _row, sender), "service": service}


def _session(event: Event, row: Row, sender: Sender) -> dict[str, Any]:
    return {**_account(event, row, sender), "privileges": roles(event) or [event.kind]}


def _access(event: Event, row: Row, sender: Sender) -> dict[str, Any]:
    made = {**_account(event, row, sender), "privileges": roles(event) or [event.kind]}
    return {**made, "resources": [_resource(event, row)]} if event.connection else made


def _group(event: Event, row: Row, _sender: Sender) -> dict[str, Any]:
    name = event.detail.get("group")
    group = {"name": name if isinstance(name, str) and name else event.connection or row.object}
    return {**_who(event), "group": group, "user": _user(whom(event))}


def _entity(event: Event, row: Row, _sender: Sender) -> dict[str, Any]:
    uid = event.connection or event.cause
    entity = told({"name": uid or row.object or event.kind, "type": row.object, "uid": uid})
    return {**_who(event), "entity": entity}


def _lifecycle(event: Event, row: Row, sender: Sender) -> dict[str, Any]:
    feature = {"name": row.object or event.kind}
    app = {"name": PRODUCT, "vendor_name": VENDOR, "version": sender.version, "feature": feature}
    return {"app": app}


def _api(event: Event, row: Row, sender: Sender) -> dict[str, Any]:
    return {
        "actor": _actor(event),
        "api": {"operation": event.kind, "service": {"name": SERVICE}},
        "src_endpoint": _source(event, sender),
        "resources": [_resource(event, row)],
    }


def _datastore(event: Event, row: Row, sender: Sender) -> dict[str, Any]:
    table = told({"name": row.object or event.kind, "uid": event.record})
    return {"actor": _actor(event), "src_endpoint": _source(event, sender), "table": table, "type_id": 3}


def _detection(event: Event, row: Row, _sender: Sender) -> dict[str, Any]:
    info = {"uid": event.id, "title": row.object or event.kind, "desc": event.text or event.kind, "types": [event.kind]}
    return {"finding_info": info, "is_alert": row.activity == 1, "resources": [_resource(event, row)]}


_OF_CLASS: dict[int, Callable[[Event, Row, Sender], dict[str, Any]]] = {
    ACCOUNT.uid: _account,
    AUTHENTICATION.uid: _authentication,
    SESSION.uid: _session,
    ENTITY.uid: _entity,
    ACCESS.uid: _access,
    GROUP.uid: _group,
    LIFECYCLE.uid: _lifecycle,
    API.uid: _api,
    DATASTORE.uid: _datastore,
    DETECTION.uid: _detection,
}
