"""Hand-made histories for the judge: what people and the gateway did in three small systems, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.contract.errors import MappingError
from gateway.demo.evidence import CaseRow, Comment, Entry, Evidence, Flow, LedgerRow, Object, Side
from gateway.demo.judge import judge
from gateway.demo.verdict import Kind, Verdict


@dataclass(frozen=True)
class FakeRule:
    """A mapped field: where it is in the vendor's document, and which codes stand for which canonical values."""

    kind: str
    name: str
    codes: Mapping[str, Any] | None = None
    stepped: bool = False
    readable: bool = True
    writable: bool = True
    longest: int = 10_000
    gate: tuple[str, frozenset[Any]] | None = None


@dataclass(frozen=True)
class FakeMapping:
    """A translator as the compiled mapping is one, small enough to see through."""

    fields: Mapping[str, FakeRule]

    def read(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        return {name: raw[rule.name] or None for name, rule in self.fields.items() if rule.name in raw}

    history = read

    def open(self, field: str, shown: Mapping[str, Any]) -> bool:
        gate = self.fields[field].gate
        return gate is None or shown.get(gate[0]) in gate[1]

    def from_ext(self, field: str, ext: Any) -> Any:
        codes = self.fields[field].codes
        if ext is None or codes is None:
            return ext
        if ext not in codes:
            raise MappingError(field, ext)
        return codes[ext]

    def to_ext(self, field: str, value: Any) -> Any:
        codes = self.fields[field].codes
        if value is None or codes is None:
            return value
        found = [code for code, meaning in codes.items() if meaning == value]
        if not found:
            raise MappingError(field, value)
        return found[0]

    def norm(self, field: str, ext: Any) -> Any:
        if isinstance(ext, list):
            return sorted({element.lower() for element in ext})
        return ext[: self.fields[field].longest].strip() if isinstance(ext, str) else ext


SNOW = FakeMapping(
    {
        "summary": FakeRule("text", "short_description"),
        "description": FakeRule("text", "description"),
        "priority": FakeRule("enum", "priority", {"1": "critical", "3": "medium", "5": "planning"}),
        "status": FakeRule("enum", "state", {"1": "new", "2": "working", "3": "waiting", "6": "done", "7": "done"}),
        "labels": FakeRule("set", "tags"),
        "team": FakeRule("text", "group", writable=False),
        "resolution": FakeRule("text", "close_code", gate=("status", frozenset({"6", "7"}))),
    }
)
JIRA = FakeMapping(
    {
        "summary": FakeRule("text", "title", longest=60),
        "description": FakeRule("text", "body"),
        "priority": FakeRule("enum", "prio", {"Highest": "critical", "Medium": "medium", "Lowest": "planning"}),
        "status": FakeRule(
            "enum",
            "status",
            {"To Do": "new", "Doing": "working", "Review": "working", "Hold": "waiting", "Done": "done"},
            stepped=True,
        ),
        "labels": FakeRule("set", "labels"),
        "team": FakeRule("text", "team"),
        "resolution": FakeRule("text", "resolution", gate=("status", frozenset({"Done"}))),
    }
)
CRM = FakeMapping(
    {
        "summary": FakeRule("text", "subject"),
        "status": FakeRule("enum", "stage", {"Open": "new", "Working": "working", "Closed": "done"}),
    }
)
MAPPINGS = {"snow": SNOW, "jira": JIRA}
"""Where records are created."""
ALL = MAPPINGS | {"crm": CRM}
"""And one where records only begin."""


@dataclass
class World:
    """Write a history line by line; each line is one second later than the one before."""

    now: float = 1000.0
    logs: dict[str, list[Entry]] = field(default_factory=lambda: {name: [] for name in ALL})
    raws: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    markers: dict[tuple[str, str], str] = field(default_factory=dict)
    ledger: list[LedgerRow] = field(default_factory=list)
    cases: list[CaseRow] = field(default_factory=list)
    comments: int = 0

    def human(self, system: str, id: str, **fields: Any) -> World:
        """A person creates the object, or edits it if it is there."""
        return self._write(system, id, fields, by_human=True)

    def gateway(self, system: str, id: str, *, marker: str | None = None, **fields: Any) -> World:
        """The gateway creates the object (with a marker), or writes to it."""
        if marker:
            self.markers[system, id] = marker
        return self._write(system, id, fields, by_human=False)

    def delete(self, system: str, id: str, *, by_human: bool = True) -> World:
        """Deletes an object."""
        del self.raws[system, id]
        return self._log(system, id, "delete", by_human=by_human)

    def says(self, system: str, id: str, body: str, kind: str = "comment") -> str:
        """A person comments; gives the comment's address."""
        return self._comment(system, id, body, kind, None, by_human=True)

    def copies(self, system: str, id: str, body: str, origin: str | None = None, kind: str = "comment") -> str:
        """The gateway writes a comment; gives the copy's address."""
        return self._comment(system, id, body, kind, origin, by_human=False)

    def loses(self, system: str, id: str, name: str, value: Any) -> World:
        """A value goes to the conflict ledger now."""
        self.now += 1
        self.ledger.append(LedgerRow(frozenset({(system, id)}), name, value, self.now))
        return self

    def opens_case(self, system: str, id: str, *fields: str) -> World:
        """A case is open at the end; without fields it holds the whole record."""
        self.cases.append(CaseRow(f"c{len(self.cases)}", frozenset({(system, id)}), frozenset(fields) or None))
        return self

    def evidence(self) -> Evidence:
        """What the judge is given."""
        sides = []
        for system, mapping in ALL.items():
            objects = tuple(
                Object(number, f"KEY-{number}", raw, self.markers.get((system, number)))
                for (home, number), raw in self.raws.items()
                if home == system
            )
            sides.append(Side(system, mapping, tuple(self.logs[system]), objects, made=system in MAPPINGS))
        return Evidence((Flow("incidents", tuple(sides)),), tuple(self.ledger), tuple(self.cases))

    def verdict(self) -> Verdict:
        """What the judge says."""
        return judge(self.evidence())

    def broken(self) -> list[tuple[Kind, str]]:
        """What the judge found: kind and field."""
        return [(violation.kind, violation.field) for violation in self.verdict().violations]

    def _write(self, system: str, id: str, fields: dict[str, Any], *, by_human: bool) -> World:
        rules = ALL[system].fields
        raw = self.raws.get((system, id))
        kind = "update" if raw is not None else "create"
        raw = self.raws.setdefault((system, id), {})
        after = {rules[name].name: value for name, value in fields.items()}
        before = {name: raw.get(name) for name in after}
        raw.update(after)
        return self._log(system, id, kind, by_human=by_human, before=before, after=after)

    def _comment(self, system: str, id: str, body: str, kind: str, origin: str | None, *, by_human: bool) -> str:
        self.comments += 1
        comment = Comment(f"n{self.comments}", kind, body, origin)
        self._log(system, id, "comment", by_human=by_human, comment=comment)
        return f"{system}:{comment.id}"

    def _log(self, system: str, id: str, kind: str, **more: Any) -> World:
        self.now += 1
        log = self.logs[system]
        user = "ann" if more["by_human"] else "lockstep"
        log.append(Entry(seq=len(log) + 1, at=self.now, id=id, key=f"KEY-{id}", user=user, kind=kind, **more))
        return self


PRINTER: dict[str, Any] = {"summary": "printer ref t-1", "description": "it burns", "labels": ["hall"]}
"""What a pair shows in both systems."""


def pair(world: World | None = None, *, summary: str = "printer ref t-1") -> World:
    """An incident raised in `snow` as I1 and created in `jira` as J1, in step."""
    world = world or World()
    values = PRINTER | {"summary": summary}
    world.human("snow", "I1", **values, priority="3", status="1")
    return world.gateway("jira", "J1", marker="r1", **values, priority="Medium", status="To Do")


def case_of_a_customer() -> World:
    """A case opened in `crm` as C1 and created in both others, in step."""
    world = World().human("crm", "C1", summary="invoice ref t-1", status="Open")
    world.gateway("snow", "I1", marker="r1", summary="invoice ref t-1", status="1")
    return world.gateway("jira", "J1", marker="r1", summary="invoice ref t-1", status="To Do")
