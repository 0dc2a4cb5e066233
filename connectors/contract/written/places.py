"""YAML with places: plain data, and for every key and value the line and column where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from connectors.contract.written.problems import Problem

Path_ = tuple[str | int, ...]
Place = tuple[int, int]

_TAG = "tag:yaml.org,2002:"
MAX_NODES = 200_000
REMEMBERED = 64 * 1024
"""Characters of the longest document whose nodes are kept for the next time it is read."""


class Source:
    """A YAML document. `data` has only dicts with text keys, lists and scalars; keys are spelled as in the file."""

    def __init__(self, file: str, text: str) -> None:
        self.file, self.text = file, text
        self.data: Any = None
        self.problems: list[Problem] = []
        self._keys: dict[Path_, Place] = {}
        self._values: dict[Path_, Place] = {}
        self._nodes = 0
        self._parse()

    def place(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Line and column (from 1) of the value at `path` or of its key; if it is not there, of what is above it."""
        steps = tuple(path)
        while True:
            found = (self._keys.get(steps) if key else None) or self._values.get(steps)
            if found or not steps:
                return found or (1, 1)
            steps, key = steps[:-1], True

    def path_at(self, place: Place) -> tuple[Path_, bool]:
        """What stands at a line and column, and whether it is a key; the empty path if nothing begins there. The way
        back from `place`.
        """
        for places, key in ((self._keys, True), (self._values, False)):
            if found := [path for path, at in places.items() if at == place]:
                return max(found, key=len), key
        return (), False

    def problem(self, path: Sequence[str | int], rule: str, text: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem at the place of `path`."""
        line, col = self.place(path, key=key)
        return Problem(self.file, line, col, rule, text, hint)

    def inside(self, path: Sequence[str | int], line: int, col: int) -> Place:
        """The place of a line and column of the text at `path`. In block scalars only the line is right."""
        at_line, at_col = self.place(path)
        opening = self.text.split("\n")[at_line - 1][at_col - 1 : at_col]
        if opening in ("|", ">"):
            return at_line + line, 1
        first = at_col + (1 if opening in ('"', "'") else 0)
        return (at_line, first + col - 1) if line == 1 else (at_line + line - 1, col)

    def _parse(self) -> None:
        try:
            root = _composed(self.text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, col = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            self.problems.append(Problem(self.file, line, col, "yaml", str(error.problem or "not readable as YAML")))
            return
        except (YAMLError, ValueError, RecursionError) as error:
            self.problems.append(Problem(self.file, 1, 1, "yaml", f"not readable as YAML: {type(error).__name__}"))
            return
        self.data = None if root is None else self._convert(root, (), frozenset())

    def _convert(self, node: Node, path: Path_, above: frozenset[int]) -> Any:
        self._nodes += 1
        if self._nodes > MAX_NODES or id(node) in above:
            if not any(each.rule == "yaml-aliases" for each in self.problems):
                self.problems.append(
                    Problem(self.file, *_start(node), "yaml-aliases", "aliases make this file endless")
                )
            return None
        self._values.setdefault(path, _start(node))
        above = above | {id(node)}
        if isinstance(node, MappingNode):
            return self._convert_mapping(node, path, above)
        if isinstance(node, SequenceNode):
            return [self._convert(each, (*path, at), above) for at, each in enumerate(node.value)]
        return self._scalar(node) if isinstance(node, ScalarNode) else None

    def _convert_mapping(self, node: MappingNode, path: Path_, above: frozenset[int]) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else ""
            if not isinstance(key_node, ScalarNode) or key == "<<":
                self.problems.append(
                    Problem(self.file, *_start(key_node), "yaml-key", "only plain keys are used here", "writing it out")
                )
                continue
            if key in data:
                first = self.place((*path, key), key=True)[0]
                text = f"key '{key}' stands here a second time; the first is in line {first}"
                self.problems.append(Problem(self.file, *_start(key_node), "duplicate-key", text, "removing one"))
                continue
            self._keys[(*path, key)] = _start(key_node)
            data[key] = self._convert(value_node, (*path, key), above)
        return data

    def _scalar(self, node: ScalarNode) -> Any:
        kind, value = str(node.tag).removeprefix(_TAG), str(node.value)
        try:
            return _typed(kind, value)
        except ValueError:
            self.problems.append(Problem(self.file, *_start(node), "yaml", f"'{value[:40]}' is not a {kind}"))
            return None


def _composed(text: str) -> Node | None:
    return (_read_before if len(text) <= REMEMBERED else _read_before.__wrapped__)(text)


@lru_cache(maxsize=16)
def _read_before(text: str) -> Node | None:
    """The nodes of a document, for reading only. Reading YAML is most of the time that a configuration takes, and the
    same record type is read again for each mapping over it.
    """
    root: Node | None = YAML(typ="safe", pure=True).compose(text)
    return root


def _typed(kind: str, value: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return value.lower() == "true"
    if kind == "int":
        digits = value.replace("_", "")
        return int(digits, 0) if digits.lstrip("+-")[:2] in ("0x", "0o", "0b") else int(digits)
    if kind == "float":
        return float(value.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return value


def _start(node: Node) -> Place:
    return node.start_mark.line + 1, node.start_mark.column + 1


def read_source(file: Path) -> Source:
    """Reads a YAML file; one that cannot be read is a Source with a problem."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        source = Source(str(file), "")
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        source.problems.append(Problem(str(file), 1, 1, "file", f"cannot be read: {reason}"))
        return source
    return Source(str(file), text)
