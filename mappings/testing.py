"""Runs the tests that stand beside a mapping: `NAME.test.yaml`, cases of what is given and what is expected.

A case gives `raw` (a vendor's document, expected to be read as `record`), or `record` (canonical values, expected to be
written as `raw`), or `move` (a stepped field's way). An expected refusal is `refused: field`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import Field, JsonValue, model_validator

from connectors.contract.errors import MappingError
from connectors.contract.written.edge import Strict, parse
from connectors.contract.written.places import Source, read_source
from connectors.contract.written.problems import Problem, nearest
from mappings.compiler import CompiledMapping
from mappings.loader import find_mapping, library_names, read_mapping


class Move(Strict):
    """A stepped field somewhere on its way."""

    field: str
    now: JsonValue
    goal: JsonValue
    available: list[JsonValue] = Field(default=[])


class Given(Strict):
    raw: dict[str, JsonValue] | None = None
    record: dict[str, JsonValue] | None = None
    fields: list[str] = Field(
        default=[], description="Fields to write; all of the record that can be written, if empty."
    )
    move: Move | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(each is not None for each in (self.raw, self.record, self.move)) != 1:
            raise ValueError("give one of raw, record or move")
        return self


class Expect(Strict):
    record: dict[str, JsonValue] | None = Field(default=None, description="Canonical values, all that are read.")
    raw: dict[str, JsonValue] | None = Field(default=None, description="The whole fragment that is written.")
    refused: str | None = Field(default=None, description="The field whose value the mapping refuses.")
    move: JsonValue = Field(default=None, description="The next value to move to.")


class Case(Strict):
    name: str
    given: Given
    expect: Expect


class TestFile(Strict):
    __test__ = False

    mapping: str
    tests: list[Case] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Report:
    """How a test file went. `problems` holds what is wrong with the files, and the failed cases (rule `test`)."""

    file: Path
    passed: int
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def run_tests(file: Path | str) -> Report:
    """Runs one test file; its mapping stands beside it or in the library. Never raises for what is in the files."""
    file = Path(file)
    source = read_source(file)
    if source.problems:
        return Report(file, 0, tuple(source.problems))
    parsed = parse(TestFile, source)
    model = parsed.model
    if model is None or parsed.problems:
        return Report(file, 0, tuple(parsed.problems))
    beside = find_mapping(f"{model.mapping}.yaml", file.parent) or find_mapping(model.mapping, file.parent)
    if beside is None:
        text = f"there is no mapping '{model.mapping}'"
        return Report(
            file, 0, (source.problem(("mapping",), "unknown-mapping", text, nearest(model.mapping, library_names())),)
        )
    loaded = read_mapping(beside)
    if loaded.mapping is None:
        return Report(file, 0, loaded.problems)
    return _tried(source, model, loaded.mapping)


def run_texts(tests: str, *, label: str, mapping: CompiledMapping) -> Report:
    """As `run_tests`, for tests that are no file (problems name `label`), with a mapping that is at hand."""
    source = Source(label, tests)
    if source.problems:
        return Report(Path(label), 0, tuple(source.problems))
    parsed = parse(TestFile, source)
    if parsed.model is None or parsed.problems:
        return Report(Path(label), 0, tuple(parsed.problems))
    return _tried(source, parsed.model, mapping)


def _tried(source: Source, model: TestFile, mapping: CompiledMapping) -> Report:
    failed = [problem for at, case in enumerate(model.tests) for problem in _failures(source, mapping, at, case)]
    broken = {problem.line for problem in failed}
    return Report(Path(source.file), len(model.tests) - len(broken), tuple(failed))


def _failures(source: Source, mapping: CompiledMapping, at: int, case: Case) -> Iterator[Problem]:
    expected = _expected(case)
    try:
        got = _outcome(mapping, case.given)
    except MappingError as error:
        got = {"refused": error.field}
    except KeyError as error:
        got = {"unknown field": error.args[0]}
    if got != expected:
        text = f"'{case.name}' expects {expected}, got {got}"
        yield source.problem(("tests", at), "test", text)


def _expected(case: Case) -> Any:
    if case.expect.refused is not None:
        return {"refused": case.expect.refused}
    if case.given.move is not None:
        return case.expect.move
    return case.expect.record if case.given.raw is not None else case.expect.raw


def _outcome(mapping: CompiledMapping, given: Given) -> Any:
    if given.raw is not None:
        return {name: mapping.from_ext(name, ext) for name, ext in mapping.read(given.raw).items()}
    if given.move is not None:
        return mapping.fields[given.move.field].path_to(given.move.now, given.move.goal, given.move.available)
    return _written(mapping, given.record or {}, given.fields)


def _written(mapping: CompiledMapping, record: Mapping[str, Any], fields: list[str]) -> Any:
    chosen = fields or [name for name in record if name in mapping.fields and mapping.fields[name].writable]
    return mapping.write({name: mapping.norm(name, mapping.to_ext(name, record.get(name))) for name in chosen}, record)
