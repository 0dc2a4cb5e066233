"""The reference page of the audit trail: every kind of entry, what it says, and how much it matters by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.core.kinds import BULK, HIGH, NONE, Kind, word_of
from gateway.core.known_kinds import KINDS

_HEAD = f"""# The audit trail

Made from the code by `make docs`. Every decision leaves one entry, in its transaction: who did it (name and id),
on what (id, and its name at that time), with which versions, why, from where (console, command line, API, the
system itself) and in which trace. Entries of people have `by`, `source`, `reason` and `trace` in their detail. An
entry whose effect comes later has the outcome `open`; a later entry *closes* it by its id and tells how it ended:
`applied`, `failed`, `superseded`.

The severity is OCSF's: low 2, medium 3, high 4, critical 5. What has none is no high-risk action and goes to no
SIEM. It can be raised, and lowered with a reason, by [`high_risk:`](configuration.md#high-risk-actions). Where a
kind counts things, more than {BULK} of them make it at least high. An entry that closes another one is at least
low, and medium where what it tells of failed. A kind that this list lacks would count as medium; a test sees to it
that none does.
"""


def page() -> str:
    """As Markdown."""
    areas = dict.fromkeys(each.area for each in KINDS.values())
    parts = [_section(area, [each for each in KINDS.values() if each.area == area]) for area in areas]
    return "\n".join([_HEAD, *parts])


def _section(area: str, kinds: Iterable[Kind]) -> str:
    rows = "\n".join(f"| `{each.name}` | {each.says} | {'; '.join(_worth(each))} |" for each in kinds)
    return f"## {area}\n\n| kind | what happened | severity |\n|---|---|---|\n{rows}\n"


def _worth(kind: Kind) -> Iterator[str]:
    by_word: dict[int, list[str]] = {}
    for value, severity in kind.among.items():
        by_word.setdefault(severity, []).append(f"`{value}`")
    yield _word(kind.severity)
    for severity, values in sorted(by_word.items(), reverse=True):
        if severity != kind.severity:
            yield f"{_word(severity)} with {kind.field} {', '.join(values)}"
    if kind.counted and kind.severity < HIGH:
        yield f"high with more than {BULK} {kind.counted}"


def _word(severity: int) -> str:
    return "none" if severity == NONE else word_of(severity)
