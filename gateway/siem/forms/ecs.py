"""Elastic Common Schema [facts.md 7.5, specs/ecs/fields.csv]. What it has no field for stands under `lockstep`."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.siem.event import Event
from gateway.siem.forms.classes import DETECTION
from gateway.siem.forms.facts import address, detail_text, roles, success_of, whom
from gateway.siem.forms.kinds import row_of
from gateway.siem.forms.sealing import sealed, told
from gateway.siem.forms.sender import PRODUCT, VENDOR, Rendered, Sender
from gateway.siem.forms.times import iso

VERSION = "8.17.0"
SERVICE = "lockstep"


def written(event: Event, sender: Sender, cut: Sequence[str]) -> Rendered:
    """Objects, not names with dots; lists where ECS normalises to lists."""
    row, where = row_of(event.kind), address(event)
    target = whom(event) if "iam" in row.categories or "authentication" in row.categories else ""
    own = told(
        {
            "position": event.position,
            "link": event.link,
            "outcome": event.outcome,
            "record": event.record,
            "connection": event.connection,
            "cause": event.cause,
            "correlation": event.correlation,
            "object": row.object,
            "detail": detail_text(event),
            "cut": list(cut),
        }
    )
    body = told(
        {
            "@timestamp": iso(event.at),
            "ecs": {"version": VERSION},
            "message": event.text,
            "event": told(
                {
                    "kind": "alert" if row.sort is DETECTION and row.activity == 1 else "event",
                    "category": list(row.categories),
                    "type": list(row.types),
                    "action": event.kind,
                    "outcome": str(success_of(event)),
                    "id": event.id,
                    "provider": SERVICE,
                    "module": SERVICE,
                    "dataset": f"{SERVICE}.audit",
                    "severity": event.severity,
                    "sequence": event.number,
                }
            ),
            "user": told({"name": event.actor, "target": told({"name": target, "roles": roles(event)})}),
            "related": told({"user": sorted({event.actor, target} - {""}), "ip": [where] if where else []}),
            "source": told({"ip": where}),
            "service": {"name": SERVICE, "type": SERVICE, "version": sender.version},
            "observer": {
                "hostname": sender.host,
                "vendor": VENDOR,
                "product": PRODUCT,
                "version": sender.version,
                "type": "integration-gateway",
            },
            "trace": told({"id": event.trace}),
            "lockstep": own,
        }
    )
    return sealed(body, own, event, cut)
