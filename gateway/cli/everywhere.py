"""Flags of all verbs, declared once and given to each that they mean something to: which gateway, and how to answer."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG
from gateway.cli.verbs import ONLY_HERE, WATCHED, WRITES, Where, where
from gateway.cli.wishes import Wishes, keep, names, wishes

Url = Annotated[
    str,
    typer.Option("--url", envvar="LOCKSTEP_URL", help="A gateway elsewhere, after `lockstep login`: https://..."),
]
CaFile = Annotated[
    Path | None,
    typer.Option("--ca-file", envvar="LOCKSTEP_CA_FILE", help="Authorities (PEM) that may vouch for that gateway."),
]
Timeout = Annotated[
    str, typer.Option("--timeout", envvar="LOCKSTEP_TIMEOUT", metavar="TIME", help="Patience with its answers: 30s.")
]
Key = Annotated[
    str,
    typer.Option(
        "--idempotency-key",
        envvar="LOCKSTEP_IDEMPOTENCY_KEY",
        help="Of a command that is repeated, as it was told then; made for you otherwise.",
    ),
]
JsonLines = Annotated[
    bool, typer.Option("--jsonl", envvar="LOCKSTEP_JSONL", help="A JSON document on a line for each item.")
]
Fields = Annotated[
    str, typer.Option("--fields", envvar="LOCKSTEP_FIELDS", metavar="A,B", help="Only these columns or members.")
]
Watch = Annotated[
    str,
    typer.Option("--watch", envvar="LOCKSTEP_WATCH", metavar="TIME", help="Again every so often, until you stop it."),
]
_FLAGS: Mapping[str, Any] = {
    "url": Url,
    "ca_file": CaFile,
    "timeout": Timeout,
    "idempotency_key": Key,
    "jsonl": JsonLines,
    "fields": Fields,
    "watch": Watch,
}
_EMPTY: Mapping[str, Any] = {"ca_file": None, "jsonl": False}
TABLES = frozenset({"list", "groups", "approvals", "history"})
"""Verbs whose answer has columns; --fields of another means its document."""
OURS = "wish_"
"""Before the names of these flags: commands have words of their own, such as the address that a case is linked with."""
AWAY = ("url", "ca_file", "timeout")


def give(app: typer.Typer) -> None:
    """Gives every verb below `app` its flags, and has it refuse a gateway elsewhere where it makes no sense."""
    for path, info in verbs_of(app):
        # A module of commands is shared by whoever makes an app of it: its verbs have their flags once.
        given = any(name.startswith(OURS) for name in inspect.signature(info.callback).parameters)
        if not given and where(path) is not Where.NOWHERE:
            info.callback = _with_flags(info.callback, path)


def verbs_of(app: typer.Typer, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every verb with its words; a noun that has two names comes once."""
    for info in app.registered_commands:
        if info.callback is not None:
            yield (*above, info.name or info.callback.__name__.replace("_", "-")), info
    for group in app.registered_groups:
        if not group.hidden and group.typer_instance is not None:
            yield from verbs_of(group.typer_instance, (*above, str(group.name)))


def _with_flags(command: Callable[..., None], path: tuple[str, ...]) -> Callable[..., None]:
    own = list(inspect.signature(command, eval_str=True).parameters.values())
    flags = _flags_of(path, {each.name for each in own})
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(OURS + name, keyword, default=_EMPTY.get(name, ""), annotation=_FLAGS[name]) for name in flags
    ]

    @functools.wraps(command)
    def wrapper(**said: Any) -> None:
        keep(_meant(wishes(), {name: said.pop(OURS + name) for name in flags}))
        _placed(path, said.get("config"))
        typed = wishes()
        if typed.jsonl or (typed.fields and path[-1] not in TABLES and "as_json" in said):
            said["as_json"] = True
        if typed.watch_s:
            from gateway.cli.watching import watch

            watch(lambda: command(**said), typed.watch_s)
        else:
            command(**said)

    parameters = [each.replace(kind=keyword) for each in [*own, *added]]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return wrapper


def _flags_of(path: tuple[str, ...], own: set[str]) -> list[str]:
    flags = list(AWAY) if where(path) is Where.BOTH else ["url"]
    if path in WRITES:
        flags.append("idempotency_key")
    if "as_json" in own:
        flags += ["jsonl", "fields"]
    if path in WATCHED:
        flags.append("watch")
    return flags


def _meant(before: Wishes, said: Mapping[str, Any]) -> Wishes:
    """What was typed before the verb, and behind it: the nearer counts."""
    from gateway.cli.deciding import waiting_time

    given = {name: value for name, value in said.items() if value}
    for flag in ("watch", "timeout"):
        if text := given.pop(flag, ""):
            given[f"{flag}_s"] = waiting_time(text, f"--{flag}")
    if "idempotency_key" in given:
        given["key"] = given.pop("idempotency_key")
    if "fields" in given:
        given["fields"] = names(given["fields"])
    return replace(before, **given)


def _placed(path: tuple[str, ...], config: Path | None) -> None:
    """Whether the verb can be meant so. A file that was typed counts more than an address in the environment."""
    typed = wishes()
    if not typed.url:
        return
    from_environment = typed.url == os.environ.get("LOCKSTEP_URL")
    named = config not in (None, DEFAULT_CONFIG) and str(config) != os.environ.get("LOCKSTEP_CONFIG")
    if where(path) is Where.HERE:
        leave = "unset LOCKSTEP_URL" if from_environment else "leave --url out"
        verb = " ".join(path)
        raise Ending(
            Code.WRONG_USE,
            f"lockstep {verb} works only on this machine: {ONLY_HERE.get(path, 'the API has none of it')}; {leave}",
        )
    if named and not from_environment:
        raise Ending(Code.WRONG_USE, "either --config, for the gateway here, or --url, for one elsewhere")
    if named:
        keep(replace(typed, url=""))
