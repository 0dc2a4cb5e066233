"""Reads the product's source for what becomes durable or leaves the program, and for the points beside it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.core.points import AFTER, BEFORE

REPOSITORY = Path(__file__).parents[2]
PRODUCT = ("gateway", "connectors", "dead_letter", "replay", "mappings")
NOT_THE_PRODUCT = ("gateway/demo/", "connectors/sandbox/", "connectors/conformance/", "connectors/declared/testing.py")
"""The demo and its stand-ins, and what tries connectors out: a crash of theirs loses nobody's changes."""

_MOMENTS = {"BEFORE": BEFORE, "AFTER": AFTER}


@dataclass(frozen=True, slots=True)
class Effect:
    """One call after which something is durable, or has been sent."""

    file: str
    function: str
    call: str
    line: int
    has_point: bool

    @property
    def place(self) -> tuple[str, str, str]:
        """Where it is, whatever its line."""
        return self.file, self.function, self.call


def product() -> Iterator[tuple[str, str]]:
    """Name and text of every file of the product."""
    for package in PRODUCT:
        for path in sorted((REPOSITORY / package).rglob("*.py")):
            name = path.relative_to(REPOSITORY).as_posix()
            if not name.startswith(NOT_THE_PRODUCT):
                yield name, path.read_text()


def _always(file: str, receiver: str) -> bool:
    return True


DURABLE: Mapping[str, Callable[[str, str], bool]] = {
    "commit": _always,
    "_commit": lambda file, _: file.startswith("gateway/streams/"),
    "append_many": _always,
    "append": lambda _, receiver: receiver.endswith(("stream", ".log")),
    "apply": lambda _, receiver: receiver.endswith("connector"),
    "upgrade": lambda _, receiver: receiver == "command",
    "send": lambda _, receiver: receiver.endswith("producer"),
    "handle_async_request": _always,
    "create_topics": _always,
    "delete_records": _always,
}
"""Method -> whether it is one of ours, by the file and by what it is called on."""


def effects(file: str, text: str) -> Iterator[Effect]:
    """Every call in this text that makes something durable or sends it."""
    for function, node in _functions(ast.parse(text)):
        says = any(_is_call(each, "reached") for each in _own(node))
        for each in _own(node):
            if isinstance(each, ast.With | ast.AsyncWith):
                yield from _transactions(file, function, each, says)
            elif isinstance(each, ast.Call) and (call := _durable(file, each)):
                yield Effect(file, function, call, each.lineno, says)


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every function by its name within classes, and the module's own statements under the empty name."""
    found: list[tuple[str, ast.AST]] = [("", tree)]
    while found:
        name, node = found.pop()
        if not isinstance(node, ast.ClassDef):
            yield name, node
        inside = (one for one in _own(node) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef))
        found += [(f"{name}.{one.name}".lstrip("."), one) for one in inside]


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """What is inside, without what is inside of functions inside."""
    waiting = list(ast.iter_child_nodes(node))
    while waiting:
        each = waiting.pop()
        yield each
        if not isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            waiting += ast.iter_child_nodes(each)


def _transactions(file: str, function: str, node: ast.With | ast.AsyncWith, says: bool) -> Iterator[Effect]:
    for item in node.items:
        call = item.context_expr
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "begin":
            yield Effect(file, function, "begin", call.lineno, says or bool(_step(call)))


def _durable(file: str, call: ast.Call) -> str:
    if not isinstance(call.func, ast.Attribute):
        return ""
    name, receiver = call.func.attr, ast.unparse(call.func.value)
    if name in {"execute", "exec_driver_sql"} and call.args and _text(call.args[0]).upper().startswith("COMMIT"):
        return "COMMIT"
    return name if name in DURABLE and DURABLE[name](file, receiver) else ""


def _is_call(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _step(call: ast.Call) -> str:
    """The step that a transaction names; empty for none, or for one that only the run knows."""
    return _text(call.args[0]) if call.args else ""


def points_in(text: str) -> Iterator[str]:
    """The names of all points that this text reaches, of those that are written out in it."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        begins = isinstance(node.func, ast.Attribute) and node.func.attr == "begin"
        step = _step(node) if begins else _text(node.args[-1]) if _is_call(node, "_Transaction") else ""
        if step:
            yield from (f"{step}.{moment}" for moment in _MOMENTS.values())
        elif _is_call(node, "reached") and (name := _name(node.args[0])):
            yield name


def _name(node: ast.expr) -> str:
    """A literal, or `f"step.{BEFORE}"`; empty where the step itself is a variable."""
    if not isinstance(node, ast.JoinedStr):
        return _text(node)
    parts = [
        _text(part) if isinstance(part, ast.Constant) else _MOMENTS.get(ast.unparse(part.value), "")
        for part in node.values
        if isinstance(part, ast.Constant | ast.FormattedValue)
    ]
    return "".join(parts) if all(parts) else ""
