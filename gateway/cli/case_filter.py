"""The options that narrow lists, groups and exports of cases: declared once, given to each command that takes them."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending

if TYPE_CHECKING:
    from dead_letter.values import CaseFilter


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_CASE_{env}", help=help, **more)


@dataclass(frozen=True)
class Narrow:
    """What was typed of them."""

    state: Annotated[
        list[str] | None,
        _option(
            "--state",
            env="STATE",
            help="open, taken, parked, in_run, came_back or closed; may be repeated.",
            show_default="all but closed",
        ),
    ] = None
    cause: Annotated[str, _option("--cause", env="CAUSE", help="Only this cause.")] = ""
    connection: Annotated[str, _option("--connection", env="CONNECTION", help="Only this connection.")] = ""
    flow: Annotated[str, _option("--flow", env="FLOW", help="Only this flow, and so its mapping.")] = ""
    field: Annotated[str, _option("--field", env="FIELD", help="Only this field.")] = ""
    group: Annotated[str, _option("--group", env="GROUP", help="Only this group, by its key.")] = ""
    owner: Annotated[
        str | None, _option("--owner", env="OWNER", help="Only what this person has; an empty name: nobody's.")
    ] = None
    level: Annotated[str, _option("--level", env="LEVEL", help="critical, high, normal or low.")] = ""
    older: Annotated[str, _option("--older", env="OLDER", metavar="TIME", help="Open for longer than this: 4h.")] = ""
    since: Annotated[
        str, _option("--since", env="SINCE", metavar="TIME", help="New since: 2h (so long ago), or a time.")
    ] = ""
    late: Annotated[bool, _option("--late", env="LATE", help="Only what is overdue.")] = False
    pending: Annotated[bool, _option("--pending", env="PENDING", help="Only what waits for a second person.")] = False
    text: Annotated[str, _option("--text", env="TEXT", help="Part of title, object or cause.")] = ""

    def filter(self, **more: Any) -> CaseFilter:
        """As the domain knows it. Ends with code 2 for a word that is none."""
        from dead_letter.values import CaseFilter, CaseState
        from gateway.cli.moments import moment_of

        now = time.time()
        try:
            states = tuple(CaseState(one) for one in self.state or ())
        except ValueError as error:
            raise Ending(Code.WRONG_USE, f"{error}; there are {', '.join(CaseState)}") from error
        return CaseFilter(
            states=states,
            cause=self.cause,
            connection=self.connection,
            flow=self.flow,
            field=self.field,
            group=self.group,
            owner=self.owner,
            level=self.level,
            text=self.text,
            opened_before=moment_of(self.older or None, "--older", now),
            opened_since=moment_of(self.since or None, "--since", now),
            due_before=now if self.late else None,
            pending=True if self.pending else None,
            **more,
        )

    @property
    def given(self) -> bool:
        """Whether anything narrows."""
        return self != Narrow()


def narrowing(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command these options, and hands them to it as `narrow`."""
    options = list(inspect.signature(Narrow, eval_str=True).parameters.values())
    names = [option.name for option in options]
    own = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != "narrow"]

    @functools.wraps(command)
    def wrapper(**said: Any) -> None:
        command(narrow=Narrow(**{name: said.pop(name) for name in names}), **said)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [each.replace(kind=keyword) for each in [*own, *options]]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return wrapper
