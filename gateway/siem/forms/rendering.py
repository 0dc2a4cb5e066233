"""An event in the form that its receiver reads, within the room that the way there leaves, and its digest."""

from __future__ import annotations

from gateway.siem.event import Event
from gateway.siem.forms import cef, ecs, leef, ocsf, plain
from gateway.siem.forms.fitting import cleaned, shortened
from gateway.siem.forms.sender import Form, Rendered, Sender

LEAST_ROOM = 4096
"""Octets in which every event has a place, however long its texts are."""
ROOM = {"syslog": 8000, "hec": 10_000, "webhook": 262_144, "file": 1_048_576}
"""Octets that a way takes whole by default, headers included. What the receivers cut above: rsyslog 8,096
(`maxMessageSize`, seen with 8.2302), Splunk 10,000 (`TRUNCATE`) [M].
"""

_WRITERS = {
    Form.JSON: plain.written,
    Form.OCSF: ocsf.written,
    Form.ECS: ecs.written,
    Form.CEF: cef.written,
    Form.LEEF: leef.written,
}


def rendered(event: Event, form: Form, sender: Sender, *, room: int = ROOM["file"]) -> Rendered:
    """The event as one line of at most `room` octets. What does not fit is cut from the detail, then from the text and
    the other fields; never from the chain, and the digest is over what is sent. The same for the same arguments.

    Raises ValueError for a room below LEAST_ROOM.
    """
    if room < LEAST_ROOM:
        raise ValueError(f"{room} octets are too few for an event; it needs {LEAST_ROOM}")
    write, whole = _WRITERS[form], cleaned(event)
    made = write(whole, sender, ())
    for shorter, cut in shortened(whole, room, len(made.body)):
        if len(made.body) <= room:
            break
        made = write(shorter, sender, cut)
    return made
