"""`lockstep connector lint|test-file|init|show|schema`: connectors that are one YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import Json
from gateway.cli.output import data, document, say, table

if TYPE_CHECKING:
    from connectors.declared.model.file import ConnectorFile

Files = Annotated[list[Path], typer.Argument(help="Connector files.")]
File = Annotated[Path, typer.Argument(help="A connector file.")]


def lint(files: Files, as_json: Json = False) -> None:
    """Check connector files: all problems at once, each with line, column and a way out; then run their tests.

    Nothing is asked of any system. Exit code 11 for a problem in a file, 1 for a test that fails.
    """
    from connectors.declared.loader import read

    found = [(file, read(_there(file))) for file in files]
    problems = [problem for _, each in found for problem in each.problems]
    failures = [row for file, each in found if each.file for row in _failed(file, each.file)]
    if as_json:
        document({"problems": [str(problem) for problem in problems], "failures": failures})
    else:
        for problem in problems:
            data(str(problem))
        for row in failures:
            data(f"{row['file']}: test '{row['test']}': {row['failure']}")
    if problems:
        raise Ending(Code.CONFIG_INVALID, f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
    if failures:
        raise Ending(Code.FAILED, "a test failed")
    say(f"no problems, {sum(len(each.file.tests) for _, each in found if each.file)} tests passed")


def run_tests(files: Files, as_json: Json = False) -> None:
    """Run the tests that stand in connector files, in memory, and show each. Exit code 1 if one fails."""
    from connectors.declared.testing import run

    rows = [
        {"file": str(file), "test": each.name, "passed": not each.failures, "failures": list(each.failures)}
        for file in files
        for each in run(_loaded(file))
    ]
    if as_json:
        document({"tests": rows})
    else:
        table(rows, ("file", "test", "passed", "failures"))
    if any(not row["passed"] for row in rows):
        raise Ending(Code.FAILED, "a test failed")


def init(
    name: Annotated[str, typer.Argument(help="Name of the system, such as acme_desk.")],
    record: Annotated[str, typer.Option("--record", help="Name of the kind of object.")] = "ticket",
    sample: Annotated[
        Path | None, typer.Option("--sample", help="A file with the JSON answer to a list request.")
    ] = None,
    openapi: Annotated[
        Path | None, typer.Option("--openapi", help="The system's OpenAPI 3 document, JSON or YAML.")
    ] = None,
    path: Annotated[str, typer.Option("--path", help="Path of the list, such as /api/tickets.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Where to write it; default: connectors/NAME.yaml.")] = None,
) -> None:
    """Make a first connector file out of a sample answer or an OpenAPI document. It has no problems, and writes nothing
    until you say which proof each write has.
    """
    from connectors.declared import scaffold

    if (sample is None) == (openapi is None):
        raise Ending(Code.WRONG_USE, "give one of --sample and --openapi")
    file = out or Path("connectors") / f"{name}.yaml"
    if file.exists():
        raise Ending(Code.WRONG_USE, f"{file} is there already; give another --out")
    try:
        if sample is not None:
            found = scaffold.of_sample(record, path or f"/{record}s", _document_of(sample))
        else:
            found = scaffold.of_openapi(record, _document_of(openapi or Path()), path)
    except ValueError as error:
        raise Ending(Code.WRONG_USE, str(error)) from error
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(scaffold.text(name, found), encoding="utf-8")
    data(str(file))
    say(f"next: lockstep connector lint {file}")


def show(
    file: File,
    access: Annotated[bool, typer.Option("--access", help="What people have there, and how each of it ends.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a connector file promises of each record and each write, and of what people have there."""
    from connectors.declared.specs import spec_of

    loaded = _loaded(file)
    rows = [_row(name, loaded, spec_of(loaded, name, loaded.records[name], None)) for name in loaded.records]
    ends = _ends(loaded)
    if as_json:
        document({"connector": loaded.connector, "release": loaded.release, "records": rows, "access": ends})
        return
    if access:
        table(ends, ("name", "kind", "ends", "when", "why"), title=loaded.connector)
        return
    table(rows, ("record", "version", "writes", "comments", "deletions", "settles_s"), title=loaded.connector)


def schema() -> None:
    """Print the JSON Schema of connector files, for editors."""
    from gateway.config.schema import json_schema

    document(json_schema("connector"))


def _ends(loaded: ConnectorFile) -> list[dict[str, Any]]:
    has = loaded.access.has if loaded.access else {}
    return [
        {
            "name": name,
            "kind": having.kind,
            "ends": "by request" if having.end else "by hand" if having.by_hand else "not shown",
            "when": "" if having.when == "true" else having.when,
            "why": having.reason,
        }
        for name, having in has.items()
    ]


def _row(name: str, loaded: ConnectorFile, spec: Any) -> dict[str, Any]:
    record = loaded.records[name]
    writes = [(kind, getattr(record.writes, kind)) for kind in ("create", "update", "transition", "comment", "delete")]
    return {
        "record": name,
        "version": str(spec.version_kind),
        "writes": [f"{kind} by {sending.once.by}" for kind, sending in writes if sending is not None],
        "comments": spec.items,
        "deletions": "listed" if record.gone else "by comparing ids",
        "settles_s": spec.settles_s,
    }


def _failed(file: Path, loaded: ConnectorFile) -> list[dict[str, str]]:
    from connectors.declared.testing import run

    results = [(each.name, failure) for each in run(loaded) for failure in each.failures]
    return [{"file": str(file), "test": name, "failure": failure} for name, failure in results]


def _loaded(file: Path) -> ConnectorFile:
    from connectors.declared.loader import load

    return load(_there(file))


def _there(file: Path) -> Path:
    if not file.is_file():
        raise Ending(Code.WRONG_USE, f"{file} is not there")
    return file


def _document_of(file: Path) -> Any:
    from connectors.contract.written.places import read_source

    source = read_source(_there(file))
    if source.problems:
        raise Ending(Code.WRONG_USE, str(source.problems[0]))
    return source.data
