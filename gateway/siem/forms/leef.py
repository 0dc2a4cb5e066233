r"""LEEF 2.0 as QRadar reads it: header, then `key=value` with `^` between. The chain is last.

LEEF has no escapes of its own [IBM, LEEF event components]: a value must not hold the delimiter. Ours are `\\`, `\n`,
`\r` and `\x5e` for `^`. A tab would be the usual delimiter, but receivers rewrite control characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.siem.event import Event
from gateway.siem.forms.facts import address, success_of, whom
from gateway.siem.forms.kinds import row_of
from gateway.siem.forms.lines import event_class, more, one_line, title
from gateway.siem.forms.sealing import sealed_text
from gateway.siem.forms.sender import PRODUCT, VENDOR, Rendered, Sender
from gateway.siem.forms.times import milliseconds
from gateway.siem.verifier.chain import LEEF_CHAIN

_SEVERITIES = {1: 1, 2: 3, 3: 5, 4: 8, 5: 10}
_HEADER = {"|": "/", "^": "_"}
_VALUE = {"\\": "\\\\", "^": "\\x5e"}


def written(event: Event, sender: Sender, cut: Sequence[str]) -> Rendered:
    """The content is all before LEEF_CHAIN; then number, feed, previous and digest."""
    header = (VENDOR, PRODUCT, sender.version, event_class(event))
    names = "|".join(one_line(each, _HEADER) for each in header)
    told = ((key, one_line(value, _VALUE)) for key, value in _attributes(event, sender, cut))
    content = f"LEEF:2.0|{names}|^|" + "^".join(f"{key}={value}" for key, value in told if value.strip())
    sink = one_line(event.sink, _VALUE)
    chain = f"{LEEF_CHAIN}{event.number}^feed={sink}^feedPrevious={event.previous}^feedDigest="
    return sealed_text(content, chain, event, cut)


def _attributes(event: Event, sender: Sender, cut: Sequence[str]) -> Iterator[tuple[str, str]]:
    row = row_of(event.kind)
    yield "devTime", str(milliseconds(event.at))
    yield "sev", str(_SEVERITIES.get(event.severity, 1))
    yield "cat", title(event)
    yield "usrName", event.actor
    yield "src", address(event)
    yield "identHostName", sender.host
    yield "resource", event.connection
    yield "msg", event.text
    yield "eventId", event.id
    yield "outcome", str(success_of(event))
    yield "target", whom(event)
    yield "object", row.object
    yield "cause", event.cause
    if event.position:
        yield "auditPosition", str(event.position)
    yield from more(event, cut)
