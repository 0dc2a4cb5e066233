"""`lockstep mapping versions|show|diff|run|test`: versions as they are stored, and tries on documents and tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.deciding import Actor
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.mapping_asking import asked, text_of, version_named
from gateway.cli.output import cell, data, document, moment, say, table, told

if TYPE_CHECKING:
    from gateway.access.rights import Principal
    from gateway.work.workplace import Workplace

Facts = dict[str, Any]
Ref = Annotated[
    str, typer.Argument(metavar="NAME@VERSION", help="A stored version: jira-issue@2, or jira-issue@2:9f86d081.")
]
File = Annotated[
    Path | None,
    typer.Option("--file", envvar="LOCKSTEP_MAPPING_FILE", help="A text that is no stored version yet, instead."),
]


def versions(
    name: Annotated[str, typer.Argument(help="Only versions of this mapping.")] = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """List every version that a gateway ever worked by, and those that were tried for publishing."""
    from gateway.work import mapping_versions

    async def put(place: Workplace, who: Principal) -> list[Facts]:
        return await mapping_versions.listed(place, who, name)

    found = asked(config, "", put)
    if as_json:
        document(found)
        return
    rows = [
        {
            "version": each["ref"],
            "used now": ", ".join(each["places"]) or "-",
            "first used": moment(each["first_used_at"]) if each["first_used_at"] else "never",
            "by": each["first_used_by"] or each["stored_by"],
            "from": each["origin"],
        }
        for each in found
    ]
    if rows:
        table(rows, ("version", "used now", "first used", "by", "from"))
    else:
        say("no version is stored yet; a gateway stores what it starts with: lockstep run")


def show(
    ref: Ref,
    text: Annotated[bool, typer.Option("--text", envvar="LOCKSTEP_TEXT", help="Only the text, as a file.")] = False,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show a version: its text, where it was used since when, and what else happened to it."""
    from gateway.work import mapping_versions

    async def put(place: Workplace, who: Principal) -> Facts:
        return await mapping_versions.shown(place, who, ref)

    found = asked(config, "", put)
    if as_json:
        document(found)
        return
    if text:
        data(found["text"].rstrip("\n"))
        return
    told(f"{found['ref']}  {found['system']} {found['object']} ⇄ {found['type']}  sha256 {found['digest']}")
    for each in found["events"]:
        where = f" at {each['place']}" if each["place"] else ""
        told(f"{moment(each['at'])}  {each['kind']}{where} by {each['by']}", indent=2)
    data("")
    data(found["text"].rstrip("\n"))


def diff(before: Ref, after: Ref, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Compare two stored versions, field by field and line by line."""
    from gateway.work import mapping_versions

    async def put(place: Workplace, who: Principal) -> Facts:
        return await mapping_versions.compared(place, who, before, after)

    found = asked(config, "", put)
    if as_json:
        document(found)
        return
    if found["same"]:
        say(f"{found['before']} and {found['after']} are the same")
        return
    for each in found["fields"]:
        told(f"{each['change']}  {each['field']}")
    if found["type_changed"]:
        told("their record types differ, too")
    data(found["text"])


def run(
    ref: Annotated[str, typer.Argument(metavar="[NAME@VERSION]", help="A stored version.")] = "",
    document_file: Annotated[
        Path | None,
        typer.Argument(metavar="[DOCUMENT]", help="JSON as the system gives it; - is standard input."),
    ] = None,
    file: File = None,
    change: Annotated[
        str, typer.Option("--change", envvar="LOCKSTEP_CHANGE", help="What came in with this change (its id).")
    ] = "",
    case: Annotated[
        str, typer.Option("--case", envvar="LOCKSTEP_CASE", help="What came in last for this case's object.")
    ] = "",
    as_test: Annotated[
        str, typer.Option("--as-test", envvar="LOCKSTEP_AS_TEST", metavar="NAME", help="Print it as a test instead.")
    ] = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Map one document and say, field by field, where each value is from, by which rule, and what to look out for.

    Nothing is kept or sent. Exit code 3 if a field is refused.
    """
    from gateway.work import mapping_trials

    if file is not None and ref and document_file is None:
        ref, document_file = "", Path(ref)  # with --file, the one word is the document
    given = _given(document_file) if not (change or case) else ""

    async def put(place: Workplace, who: Principal) -> tuple[Facts, str]:
        version = await version_named(place, who, ref, file)
        wanted = (
            await mapping_trials.document_from(place, who, change=change, case=case)
            if change or case
            else mapping_trials.document_of(given)
        )
        if wanted is None:
            raise Ending(Code.NOT_FOUND, f"nothing that came in with {change or case} is kept")
        made = mapping_trials.as_test(version, wanted, as_test) if as_test else ""
        return await mapping_trials.run(place, who, version, wanted), made

    found, made = asked(config, actor, put)
    if as_test:
        data(made.rstrip("\n"))
    elif as_json:
        document(found)
    else:
        _tell_run(found)
    if any(each["error"] for each in found["fields"]):
        raise Ending(Code.SOME_FAILED)


def _given(file: Path | None) -> str:
    if file is None:
        raise Ending(Code.WRONG_USE, "name a document: a JSON file, - for standard input, --change ID or --case FO-17")
    if str(file) == "-":
        return sys.stdin.read()
    return text_of(file, "the document")


def _tell_run(found: Facts) -> None:
    rows = [
        {
            "field": each["field"],
            "from": each["path"] or "-",
            "shows": cell(each["ext"]),
            "rule": each["rule"],
            "means": each["error"] or cell(each["value"]),
        }
        for each in found["fields"]
    ]
    table(rows, ("field", "from", "shows", "rule", "means"))
    for each in found["fields"]:
        for warning in each["warnings"]:
            told(f"! {each['field']}: {warning}")
    if found["left"]:
        told("! the mapping takes this object for one that has left")
    if found["missing"]:
        told(f"not in the document, left as they are: {', '.join(found['missing'])}")
    if found["unmapped"]:
        told(f"not read by the mapping: {', '.join(found['unmapped'])}")


def run_tests(
    ref: Annotated[str, typer.Argument(metavar="[NAME@VERSION]", help="A stored version.")] = "",
    file: File = None,
    tests: Annotated[
        Path | None,
        typer.Option("--tests", envvar="LOCKSTEP_TESTS", help="This test file, not the one beside the mapping."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Run the tests that stand beside the mapping, with a stored version or a new text. Exit code 1 if not all pass."""
    from gateway.work import mapping_trials

    given = text_of(tests, "--tests") if tests else None

    async def put(place: Workplace, who: Principal) -> Facts:
        version = await version_named(place, who, ref, file)
        return mapping_trials.run_tests(place, who, version, given)

    found = asked(config, "", put, stored=file is None)
    if as_json:
        document(found)
    else:
        for problem in found["problems"]:
            data(problem)
        told(f"{found['ref']}: {found['passed']} passed, {found['failed']} failed ({found['file'] or 'no tests'})")
    if not found["green"]:
        raise Ending(Code.FAILED, "" if found["file"] else "there are no tests beside the mapping")
