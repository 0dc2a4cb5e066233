"""Conditions in CEL, the Common Expression Language: compiled and checked when loaded, evaluated without side effects.

The parser and evaluator are `common-expression-language` (a binding of a Rust implementation); see docs/adr/0051.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.contract.errors import ConfigError, MappingError
from connectors.contract.written import cel_engine as cel
from connectors.contract.written.problems import Problem, nearest

_AT = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_TEXT = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_WORDS = (
    "all bool bytes contains double duration endsWith exists exists_one filter getDate getDayOfMonth "
    "getDayOfWeek getDayOfYear getFullYear getHours getMilliseconds getMinutes getMonth getSeconds has in "
    "int map matches max min size startsWith string timestamp type uint"
)
_FUNCTIONS = frozenset(_WORDS.split())


class ConditionError(MappingError):
    """A condition that cannot be decided for this record; becomes a case."""

    def __init__(self, condition: str, reason: str) -> None:
        super().__init__("condition", condition)
        self.args = (
            f'the condition "{condition}" cannot be decided: {reason}; guard it with has(...) or a comparison to null',
        )


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition over one variable. Calling it gives True or False or raises ConditionError."""

    text: str
    variable: str
    program: cel.Program
    blank: Mapping[str, None]
    """Fields that the record may leave out: they are null, so that a condition need not guard each."""
    mentions: frozenset[str] = frozenset()
    """Fields that the text names."""

    def __call__(self, value: Mapping[str, Any]) -> bool:
        try:
            answer = self.program.execute({self.variable: {**self.blank, **value}})
        except Exception as error:  # the binding raises built-in errors of many kinds
            raise ConditionError(self.text, _reason(error)) from error
        if not isinstance(answer, bool):
            raise ConditionError(self.text, f"it gives {type(answer).__name__}, not true or false")
        return answer


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in a condition; line and column count from 1 inside the condition."""

    line: int
    col: int
    text: str
    hint: str = ""


def compile_condition(
    text: str, *, variable: str = "record", fields: Iterable[str] | None = None, file: str = "<condition>"
) -> Condition:
    """A function that decides `text` for a record. Raises ConfigError with `file:line:col` of every fault.

    With `fields` a name such as `record.priorty` that is not one of them is a fault, and those a record lacks are null.
    """
    fields = None if fields is None else tuple(fields)
    faults = check_condition(text, variable=variable, fields=fields)
    if faults:
        raise ConfigError(
            [str(Problem(file, each.line, each.col, "condition", each.text, each.hint)) for each in faults]
        )
    named = frozenset(match.group(1) for match in _named(_bare(text), variable))
    return Condition(text, variable, cel.compiled(text), dict.fromkeys(fields or ()), named)


def check_condition(
    text: str, *, variable: str = "record", fields: Iterable[str] | None = None, others: Collection[str] = ()
) -> list[Fault]:
    """All faults that can be seen without a record: syntax, unknown variables, functions and fields.

    `others` are variables besides `variable`, whose fields are not known.
    """
    try:
        program = cel.compiled(text)
    except ValueError as error:
        return [_syntax(str(error))]
    bare = _bare(text)
    faults = [
        _fault(bare, name, f"'{name}' is not known here", nearest(name, others) if others else f"'{variable}.{name}'")
        for name in program.variables()
        if name != variable and name not in others and not _bound(bare, name)
    ]
    for match in _CALL.finditer(bare):
        if match.group(1) not in _FUNCTIONS:
            line, col = _line_col(bare, match.start(1))
            faults.append(
                Fault(line, col, f"'{match.group(1)}' is not a function of CEL", nearest(match.group(1), _FUNCTIONS))
            )
    known = None if fields is None else list(fields)
    if known is not None:
        faults += _unknown_fields(bare, variable, known)
    return faults


def _bare(text: str) -> str:
    """The condition with its texts blanked, at the same places."""
    return _TEXT.sub(lambda match: "'" + "_" * (len(match.group()) - 2) + "'", text)


def _named(bare: str, variable: str) -> Iterator[re.Match[str]]:
    return re.finditer(rf"\b{re.escape(variable)}\.([A-Za-z_]\w*)", bare)


def _unknown_fields(bare: str, variable: str, known: list[str]) -> list[Fault]:
    faults = []
    for match in _named(bare, variable):
        if match.group(1) not in known:
            line, col = _line_col(bare, match.start(1))
            text = f"the {variable} has no field '{match.group(1)}'"
            faults.append(Fault(line, col, text, nearest(match.group(1), known)))
    return faults


def _bound(bare: str, name: str) -> bool:
    """Whether a name is the loop variable of a macro such as `list.exists(name, ...)`."""
    return re.search(rf"\.(?:all|exists|exists_one|filter|map)\(\s*{re.escape(name)}\s*,", bare) is not None


def _fault(bare: str, name: str, text: str, hint: str) -> Fault:
    match = re.search(rf"(?<![\w.]){re.escape(name)}\b", bare)
    line, col = _line_col(bare, match.start() if match else 0)
    return Fault(line, col, text, hint)


def _line_col(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def _syntax(message: str) -> Fault:
    """The parser only gives a text, with the place inside; without a recognised place the fault is at the beginning."""
    match = _AT.search(message)
    if match is None:
        return Fault(1, 1, "this is not a CEL condition")
    reason = match.group(3).partition(" expecting ")[0].replace("<EOF>", "the end")
    return Fault(int(match.group(1)), int(match.group(2)), f"this is not a CEL condition: {reason}")


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}"
    return str(error).partition(".")[0].partition(":")[0].lower()
