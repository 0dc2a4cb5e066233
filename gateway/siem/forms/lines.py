"""What CEF and LEEF have in common: one line of names and values, in which nothing a person typed may end a value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.siem.event import Event
from gateway.siem.forms.classes import OTHER
from gateway.siem.forms.facts import activity, detail_text
from gateway.siem.forms.kinds import row_of

_PICTURES = 0x2400
_DELETE = 0x7F
_BREAKS = {"\n": "\\n", "\r": "\\r", "\u0085": "\\n", "\u2028": "\\n", "\u2029": "\\n", "\v": "\\n", "\f": "\\n"}
_SHOWN: dict[int, str] = {
    **{code: chr(_PICTURES + code) for code in range(0x20)},
    _DELETE: chr(_PICTURES + 0x21),
    **dict.fromkeys(range(0x80, 0xA0), "\N{REPLACEMENT CHARACTER}"),
    **{ord(each): shown for each, shown in _BREAKS.items()},
}
"""Receivers rewrite control characters (rsyslog: `#011`), which would break the digest: a picture stands for each."""


def one_line(text: str, escapes: dict[str, str]) -> str:
    r"""With these escapes; line ends as `\n` and `\r`."""
    return text.translate({**_SHOWN, **{ord(each): escaped for each, escaped in escapes.items()}})


def event_class(event: Event) -> str:
    """The kind, as both formats want an id: without blanks, bars and signs of their own."""
    return "".join(each if each.isascii() and (each.isalnum() or each in "._-") else "_" for each in event.kind)


def title(event: Event) -> str:
    """What kind of thing happened, in words that are ours."""
    row = row_of(event.kind)
    doing = activity(event, row)
    return f"{row.sort.name}: {event_class(event) if doing == OTHER else row.sort.activity(doing)}"


def more(event: Event, cut: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What neither format has a key for, by our names, in order."""
    yield "outcomeStated", event.outcome
    yield "record", event.record
    yield "connection", event.connection
    yield "correlation", event.correlation
    yield "trace", event.trace
    yield "auditLink", event.link
    yield "cut", ", ".join(cut)
    yield "detail", detail_text(event)
