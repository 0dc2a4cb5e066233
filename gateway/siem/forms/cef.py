"""CEF 0 [facts.md 7.2]: header, then `key=value` with blanks between. The chain is last, in standard keys.

Custom texts and numbers are in the keys that every reader of CEF knows (`cs1` to `cs6`, `cn1` to `cn3` with labels);
what has no place there follows by names of ours.
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
from gateway.siem.verifier.chain import CEF_CHAIN

_SEVERITIES = {1: 1, 2: 3, 3: 5, 4: 8, 5: 10}
_HEADER = {"\\": "\\\\", "|": "\\|"}
_VALUE = {"\\": "\\\\", "=": "\\="}


def written(event: Event, sender: Sender, cut: Sequence[str]) -> Rendered:
    """The content is all before CEF_CHAIN; then number, sink, previous and digest."""
    header = (
        VENDOR,
        PRODUCT,
        sender.version,
        event_class(event),
        title(event),
        str(_SEVERITIES.get(event.severity, 0)),
    )
    names = "|".join(one_line(each, _HEADER) for each in header)
    told = ((key, one_line(value, _VALUE)) for key, value in _extension(event, sender, cut))
    content = f"CEF:0|{names}|" + " ".join(f"{key}={value}" for key, value in told if value.strip())
    sink = one_line(event.sink, _VALUE)
    chain = (
        f"{CEF_CHAIN}{event.number} cs4Label=feed cs4={sink} cs5Label=feedPrevious cs5={event.previous} "
        "cs6Label=feedDigest cs6="
    )
    return sealed_text(content, chain, event, cut)


def _extension(event: Event, sender: Sender, cut: Sequence[str]) -> Iterator[tuple[str, str]]:
    row = row_of(event.kind)
    yield "rt", str(milliseconds(event.at))
    yield "externalId", event.id
    yield "dvchost", sender.host
    yield "cat", ",".join(row.categories)
    yield "act", event.kind
    yield "outcome", str(success_of(event))
    yield "suser", event.actor
    yield "duser", whom(event)
    yield "src", address(event)
    yield "msg", event.text
    if event.cause:
        yield "cs1Label", "cause"
        yield "cs1", event.cause
    if event.position:
        yield "cn2Label", "auditPosition"
        yield "cn2", str(event.position)
    yield from more(event, cut)
