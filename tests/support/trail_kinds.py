"""Finds, in the text of the program, every kind of audit entry that it can write."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

WRITERS: dict[str, str | int] = {
    "note": "kind",
    "trail": "kind",
    "close": "kind",
    "closing": 1,
    "audit": 0,
    "entry": 0,
    "audited": 2,
    "say": 1,
    "audit_wish": 3,
    "tried": 2,
}
"""Functions that write an entry -> keyword or place of its kind. What hands its own `kind` on to one is another."""
ROOTS = ("gateway", "dead_letter", "replay")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Found:
    """Kinds by where they are written. What cannot be read off the text is `unseen`."""

    kinds: dict[str, str] = field(default_factory=dict)
    patterns: dict[str, str] = field(default_factory=dict)
    """With * where a value of the program stands."""
    unseen: list[str] = field(default_factory=list)


def search(repository: Path) -> Found:
    found = Found()
    for root in ROOTS:
        for file in sorted((repository / root).rglob("*.py")):
            _search_file(file, str(file.relative_to(repository)), found)
    return found


def _search_file(file: Path, told: str, found: Found) -> None:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    constants = dict(_imported(tree, file)) | dict(_constants(tree))
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    writers: dict[str, str | int] = dict(WRITERS)
    if "from gateway.audit.chain import" not in text and file.parent.name != "audit":
        del writers["entry"]  # a word that others use for something else
    for _ in range(3):  # a wrapper of a wrapper
        writers |= _wrappers(functions, writers)
    for function in functions:
        for call in _own_calls(function):
            argument = _kind_of(call, writers)
            if argument is not None:
                _take(argument, function, constants, f"{told}:{call.lineno}", found)
        for row in (node for node in ast.walk(function) if isinstance(node, ast.Dict)):
            keys = {
                key.value: value
                for key, value in zip(row.keys, row.values, strict=True)
                if isinstance(key, ast.Constant)
            }
            if "kind" in keys and ("actor" in keys or _is_entry(keys.get("id"))):
                _take(keys["kind"], function, constants, f"{told}:{row.lineno}", found)


def _is_entry(id: ast.expr | None) -> bool:
    """Ids of entries begin with `au`."""
    return isinstance(id, ast.Call) and any(isinstance(each, ast.Constant) and each.value == "au" for each in id.args)


def _constants(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                names = (each.id for each in target.elts if isinstance(each, ast.Name))
                yield from zip(names, node.value.elts, strict=True)


def _imported(tree: ast.Module, file: Path) -> Iterator[tuple[str, ast.expr]]:
    """What it takes by name from other modules of ours."""
    root = next(each.parent for each in file.parents if each.name in ROOTS)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(ROOTS):
            other = root / f"{(node.module or '').replace('.', '/')}.py"
            theirs = _constants_of(other) if other.is_file() else {}
            for name in node.names:
                if name.name in theirs:
                    yield name.asname or name.name, theirs[name.name]


@cache
def _constants_of(file: Path) -> dict[str, ast.expr]:
    return dict(_constants(ast.parse(file.read_text(encoding="utf-8"))))


def _wrappers(functions: list[Function], writers: dict[str, str | int]) -> dict[str, str | int]:
    found: dict[str, str | int] = {}
    for each in functions:
        if (place := _hands_on(each, writers)) is not None:
            found[each.name] = place
    return found


def _own_calls(function: Function) -> Iterator[ast.Call]:
    """Not those of functions inside it, which are looked at by themselves."""
    inner = {
        id(call)
        for each in ast.walk(function)
        if isinstance(each, Function) and each is not function
        for call in ast.walk(each)
    }
    return (each for each in ast.walk(function) if isinstance(each, ast.Call) and id(each) not in inner)


def _kind_of(call: ast.Call, writers: dict[str, str | int]) -> ast.expr | None:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    place = writers.get(name)
    by_name = next((each.value for each in call.keywords if each.arg == "kind"), None)
    if place is None:
        return None
    if name == "say":  # of a departure, with or without the person before the kind; many others say something, too
        return next((each for each in call.args[:2] if _is_kind(each)), None)
    if by_name is not None or isinstance(place, str):
        return by_name
    return call.args[place] if len(call.args) > place else None


def _is_kind(node: ast.expr) -> bool:
    if isinstance(node, ast.IfExp):
        return _is_kind(node.body) and _is_kind(node.orelse)
    if isinstance(node, ast.Name):
        return node.id == "kind"
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("leaver_")


def _hands_on(function: Function, writers: dict[str, str | int]) -> int | None:
    names = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    if "kind" not in names or function.name in WRITERS:
        return None
    passed = (_kind_of(call, writers) for call in _own_calls(function))
    if any(isinstance(each, ast.Name) and each.id == "kind" for each in passed):
        return names.index("kind") - (names[0] == "self")
    return None


def _take(node: ast.expr, function: Function, constants: dict[str, ast.expr], at: str, found: Found) -> None:
    match node:
        case ast.Constant(value=str(text)):
            found.kinds.setdefault(text, at)
        case ast.IfExp():
            _take(node.body, function, constants, at, found)
            _take(node.orelse, function, constants, at, found)
        case ast.JoinedStr():
            parts = (str(each.value) if isinstance(each, ast.Constant) else "*" for each in node.values)
            found.patterns.setdefault("".join(parts), at)
        case ast.Name(id="kind") if "kind" in {each.arg for each in (*function.args.args, *function.args.kwonlyargs)}:
            return  # a wrapper: whoever calls it is looked at
        case ast.Name() if values := _assigned(node.id, function) or [
            each for name, each in constants.items() if name == node.id
        ]:
            for each in values:
                _take(each, function, constants, at, found)
        case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=name)]):
            found.patterns.setdefault(f"<{name}>", at)
        case _:
            found.unseen.append(f"{at}: {ast.unparse(node)}")


def _assigned(name: str, function: Function) -> list[ast.expr]:
    return [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
