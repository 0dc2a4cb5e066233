"""`lockstep case claim|release|delegate|assign|escalate|park|unpark|note|link|attach|task`: people's work on cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.deciding import Actor, Facts, Number, Numbers, Reason, ReasonCode, one_by_one
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data

if TYPE_CHECKING:
    from gateway.cli.port import Gateway

To = Annotated[str, typer.Argument(help="Who has it from now on: a name as people use it here.")]
Until = Annotated[
    str,
    typer.Option(
        envvar="LOCKSTEP_UNTIL",
        metavar="END",
        help="7d, 2026-12-01T08:00Z, 100x (so many more), deploy, mapping:FLOW or connection; with commas: the first.",
    ),
]
Task = Annotated[str, typer.Argument(help="The task's id, as `case show` lists it.")]
Came = Annotated[str, typer.Option("--note", envvar="LOCKSTEP_NOTE", help="What came of it. Needed.")]

tasks = typer.Typer(help="Several things to do for one case.", no_args_is_help=True)


def _each(config: Path, numbers: list[str], action: str, actor: str, *, as_json: bool, **said: Any) -> None:
    body = {name: each for name, each in said.items() if each != ""}

    async def work(gateway: Gateway, number: str) -> Facts:
        import msgspec

        done = await gateway.cases.act(number, action, body, expected_version=NO_VERSION)
        return dict(msgspec.to_builtins(done))

    one_by_one(config, numbers, work, _tell, as_json=as_json, actor=actor)


NO_VERSION = 0
"""People's work moves no version, and so names none."""


def _tell(found: Facts) -> None:
    made = f": {found['made']}" if found["made"] else ""
    again = ", as before" if found["repeated"] else ""
    data(f"{found['number']} {found['action'].replace('_', ' ')}{made} ({found['state']}{again})")


def claim(numbers: Numbers, config: Config = DEFAULT_CONFIG, actor: Actor = "", as_json: Json = False) -> None:
    """Take cases: others see that you have them."""
    _each(config, numbers, "claim", actor, as_json=as_json)


def release(
    numbers: Numbers, config: Config = DEFAULT_CONFIG, reason: Reason = "", actor: Actor = "", as_json: Json = False
) -> None:
    """Give cases back."""
    _each(config, numbers, "release", actor, as_json=as_json, reason=reason)


def delegate(
    number: Number,
    to: To,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Hand a case that you have to somebody else."""
    _each(config, [number], "delegate", actor, as_json=as_json, to=to, reason=reason)


def assign(
    number: Number,
    to: To,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = "",
    code: ReasonCode = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say who has a case. Away from another it needs a reason."""
    _each(config, [number], "assign", actor, as_json=as_json, to=to, reason=reason, reason_code=code)


def escalate(
    number: Number,
    config: Config = DEFAULT_CONFIG,
    to: Annotated[str, typer.Option(envvar="LOCKSTEP_TO", help="Who has it from now on.", show_default="as is")] = "",
    reason: Reason = "",
    code: ReasonCode = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say that a case needs more than you can give; it becomes more urgent."""
    _each(config, [number], "escalate", actor, as_json=as_json, to=to, reason=reason, reason_code=code)


def park(
    numbers: Numbers,
    until: Until,
    config: Config = DEFAULT_CONFIG,
    reason: Reason = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Put cases aside until something happens; they come back by themselves."""
    _each(config, numbers, "park", actor, as_json=as_json, until=until, reason=reason)


def unpark(numbers: Numbers, config: Config = DEFAULT_CONFIG, actor: Actor = "", as_json: Json = False) -> None:
    """Take up parked cases now."""
    _each(config, numbers, "unpark", actor, as_json=as_json)


def note(
    number: Number,
    text: Annotated[str, typer.Argument(help="What to remember. It stays in the history.")],
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Comment on a case."""
    _each(config, [number], "comment", actor, as_json=as_json, text=text)


def link(
    number: Number,
    url: Annotated[str, typer.Argument(help="The address of a ticket, a page or a conversation.")],
    config: Config = DEFAULT_CONFIG,
    title: Annotated[str, typer.Option(envvar="LOCKSTEP_TITLE", help="What it is.")] = "",
    remove: Annotated[bool, typer.Option("--remove", envvar="LOCKSTEP_REMOVE", help="Take the link away.")] = False,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Link a case with a bug or a conversation elsewhere."""
    _each(config, [number], "unlink" if remove else "link", actor, as_json=as_json, url=url, title=title)


def attach(
    number: Number,
    file: Annotated[Path, typer.Argument(help="A small file: text, CSV, JSON, PNG, JPEG, GIF or PDF, up to 1 MiB.")],
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Keep a small file with a case."""
    from dead_letter.attachments import MOST_BYTES

    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise Ending(Code.WRONG_USE, f"{file}: {error.strerror}") from error
    _each(config, [number], "attach", actor, as_json=as_json, name=file.name, content=content)


@tasks.command("add")
def add_task(
    number: Number,
    title: Annotated[str, typer.Argument(help="What is to be done.")],
    config: Config = DEFAULT_CONFIG,
    kind: Annotated[
        str, typer.Option(envvar="LOCKSTEP_TASK_KIND", help="look_up, contact, approve, notify or other.")
    ] = "other",
    owner: Annotated[str, typer.Option(envvar="LOCKSTEP_TASK_OWNER", help="Who does it.")] = "",
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Add one more thing to do."""
    _each(config, [number], "add_task", actor, as_json=as_json, title=title, kind=kind, owner=owner)


@tasks.command("take")
def take_task(
    number: Number, task: Task, config: Config = DEFAULT_CONFIG, actor: Actor = "", as_json: Json = False
) -> None:
    """Say that you do it."""
    _each(config, [number], "take_task", actor, as_json=as_json, task=task)


@tasks.command("done")
def end_task(
    number: Number,
    task: Task,
    came: Came = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say that it is done, and what came of it."""
    _each(config, [number], "end_task", actor, as_json=as_json, task=task, note=came)


@tasks.command("drop")
def drop_task(
    number: Number,
    task: Task,
    came: Came = "",
    config: Config = DEFAULT_CONFIG,
    actor: Actor = "",
    as_json: Json = False,
) -> None:
    """Say that it need not be done, and why."""
    _each(config, [number], "drop_task", actor, as_json=as_json, task=task, note=came)
