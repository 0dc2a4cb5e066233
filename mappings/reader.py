"""Generates one Python function per mapping that reads all fields of a document in one walk.

Simple paths share their prefixes; what is not simple is looked up through jsonpath-ng. About ten times faster than a
call per field and a hundred times faster than jsonpath-ng for each (PERFORMANCE.md); a property test holds the
generated function and the look-ups together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jsonpath_ng.jsonpath import JSONPath

from connectors.contract.written.paths import MISSING, look_up, simple
from mappings.finding import joined
from mappings.normalise import text_shown

Read = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One mapped field. `show` gives what was read its one spelling; text has its own, written out for speed."""

    name: str
    paths: tuple[JSONPath, ...]
    kind: str
    show: Callable[[Any], Any] | None = None
    joins: bool = False
    """What is shown at all its paths counts; otherwise the first that is not empty."""


@dataclass(frozen=True, slots=True)
class Gate:
    """`field` is empty while `by` shows one of the `closed` values."""

    field: str
    by: str
    closed: frozenset[Any]


@dataclass(slots=True)
class _Node:
    leaves: list[Leaf] = field(default_factory=list)
    children: dict[str, _Node] = field(default_factory=dict)

    def names(self) -> list[str]:
        """All fields at or below this node."""
        return [leaf.name for leaf in self.leaves] + [
            name for child in self.children.values() for name in child.names()
        ]


class _Writer:
    """Builds the source. Names of variables count up; values that are not literals go through `scope`."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {
            "MISSING": MISSING,
            "text_shown": text_shown,
            "look_up": look_up,
            "joined": joined,
        }
        self.count = 0

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def fresh(self, value: Any = None) -> str:
        self.count += 1
        name = f"x{self.count}"
        if value is not None:
            self.scope[name] = value
        return name

    def leaf(self, leaf: Leaf, depth: int, var: str, *, later: bool) -> None:
        """Stores the value in `var` under the leaf's name; a later alternative only fills what is still empty."""
        if leaf.joins:
            found = f"joined(out.get({leaf.name!r}), {self.fresh(leaf.show)}({var}))"
            self.line(depth, f"out[{leaf.name!r}] = {found}")
            return
        if later:
            self.line(depth, f"if out.get({leaf.name!r}) in (None, []):")
            depth += 1
        if leaf.kind == "text":
            self.line(depth, f'if {var}.__class__ is not str or "\\r" in {var}: {var} = text_shown({var})')
            self.line(depth, f'out[{leaf.name!r}] = None if {var} == "" else {var}')
        elif leaf.show is not None:
            guard = "" if leaf.kind == "set" else f'None if {var} == "" else '
            self.line(depth, f"out[{leaf.name!r}] = {guard}{self.fresh(leaf.show)}({var})")
        else:
            self.line(depth, f'out[{leaf.name!r}] = None if {var} == "" else {var}')

    def empty(self, names: Sequence[str], leaves: Mapping[str, Leaf], depth: int, *, later: bool) -> None:
        """What a null above the path means: the fields are empty."""
        for name in names:
            nothing = "[]" if leaves[name].kind == "set" else "None"
            self.line(depth, f"out.setdefault({name!r}, {nothing})" if later else f"out[{name!r}] = {nothing}")

    def node(self, node: _Node, leaves: Mapping[str, Leaf], depth: int, var: str, *, later: bool) -> None:
        for key, child in node.children.items():
            value = self.fresh()
            self.line(depth, f"{value} = {var}.get({key!r}, MISSING)")
            if child.leaves:
                self.line(depth, f"if {value} is not MISSING:")
                for leaf in child.leaves:
                    self.leaf(leaf, depth + 1, value, later=later)
            if child.children:
                below = [name for inner in child.children.values() for name in inner.names()]
                self.line(depth, f"if isinstance({value}, dict):")
                self.node(child, leaves, depth + 1, value, later=later)
                self.line(depth, f'elif {value} is None or {value} == "":')
                self.empty(below, leaves, depth + 1, later=later)


def generate(name: str, leaves: Sequence[Leaf], gates: Sequence[Gate], *, whole: bool) -> Read:
    """The reading function of a mapping.

    `whole` is for documents: a closed gate makes its field empty even where the document does not have it. For
    fragments of history a gate only empties a field that is there.
    """
    writer = _Writer()
    writer.line(0, "def read(raw):")
    writer.line(1, "out = {}")
    by_name = {leaf.name: leaf for leaf in leaves}
    for rank in range(max((len(leaf.paths) for leaf in leaves), default=0)):
        ranked = [(leaf, leaf.paths[rank]) for leaf in leaves if rank < len(leaf.paths)]
        tree = _tree([(leaf, keys) for leaf, path in ranked if (keys := simple(path))])
        writer.node(tree, by_name, 1, "raw", later=rank > 0)
        for leaf, path in ranked:
            if not simple(path):
                _looked_up(writer, leaf, path, later=rank > 0)
    for gate in gates:
        _gated(writer, gate, whole=whole)
    writer.line(1, "return out")
    exec(compile("\n".join(writer.lines), f"<mapping {name}>", "exec"), writer.scope)  # noqa: S102 - built here from quoted literals only
    read: Read = writer.scope["read"]
    return read


def _tree(placed: Sequence[tuple[Leaf, tuple[str, ...]]]) -> _Node:
    root = _Node()
    for leaf, keys in placed:
        node = root
        for key in keys:
            node = node.children.setdefault(key, _Node())
        node.leaves.append(leaf)
    return root


def _looked_up(writer: _Writer, leaf: Leaf, path: JSONPath, *, later: bool) -> None:
    value = writer.fresh()
    writer.line(1, f"{value} = look_up({writer.fresh(path)}, raw, many={leaf.kind == 'set'})")
    writer.line(1, f"if {value} is not MISSING:")
    writer.leaf(leaf, 2, value, later=later)


def _gated(writer: _Writer, gate: Gate, *, whole: bool) -> None:
    closed, state = writer.fresh(gate.closed), writer.fresh()
    there = "" if whole else f" and {gate.field!r} in out"
    writer.line(1, f"{state} = out.get({gate.by!r})")
    writer.line(1, f"if {state}.__class__ is str and {state} in {closed}{there}: out[{gate.field!r}] = None")


def plain_read(leaves: Sequence[Leaf], raw: Mapping[str, Any]) -> dict[str, Any]:
    """The same by look-ups alone, without gates: slow, obvious, and what the generated function is compared with."""
    out: dict[str, Any] = {}
    for leaf in leaves:
        for path in leaf.paths:
            value = look_up(path, raw, many=leaf.kind == "set")
            if value is MISSING or (out.get(leaf.name) not in (None, []) and not leaf.joins):
                continue
            shown = _shown(leaf, value)
            out[leaf.name] = joined(out.get(leaf.name), shown) if leaf.joins else shown
    return out


def _shown(leaf: Leaf, value: Any) -> Any:
    if leaf.kind == "set":
        return leaf.show(value) if leaf.show else value
    if value is None or (isinstance(value, str) and not value):
        return None
    if leaf.kind == "text":
        return text_shown(value)
    return leaf.show(value) if leaf.show is not None else value
