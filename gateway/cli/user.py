"""`lockstep user`: who may sign in, and what they may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.admin import Connections, Roles, Stdin, Types, asked, facts, roles_of, scope_text, secret_line
from gateway.cli.asking import NoInput, Yes, make_sure
from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, moment, say, table

if TYPE_CHECKING:
    from gateway.access.people import Person

app = typer.Typer(help="Who may sign in, and what they may do.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The person's name here.")]
Label = Annotated[str | None, typer.Option(envvar="LOCKSTEP_LABEL", help="As colleagues call the person.")]
Expect = Annotated[
    int, typer.Option("--expect", envvar="LOCKSTEP_EXPECT", help="The version you saw; refused if it moved. 0: any.")
]
Everywhere = Annotated[
    bool, typer.Option("--everywhere", envvar="LOCKSTEP_EVERYWHERE", help="All connections and record types.")
]
Generate = Annotated[
    bool, typer.Option("--generate", envvar="LOCKSTEP_GENERATE", help="Make one up, and show it once.")
]


@app.command("add")
def add(
    name: Name,
    role: Roles,
    config: Config = DEFAULT_CONFIG,
    connection: Connections = None,
    type: Types = None,
    label: Label = None,
    stdin: Stdin = False,
    as_json: Json = False,
) -> None:
    """Add somebody. The password comes with --stdin, or later with: lockstep user password NAME."""
    from gateway.cli.store import configuration
    from gateway.work.people import add_person

    loaded, roles = configuration(config), roles_of(role)
    password = secret_line("password", stdin=True) if stdin else ""
    made = asked(
        loaded,
        lambda place, who: add_person(
            place,
            who,
            name,
            roles=roles,
            connections=connection or None,
            types=type or None,
            label=label or "",
            password=password,
        ),
    )
    _tell(made, as_json=as_json)
    if not password:
        say(f"next: lockstep user password {name}, or a link that signs in once: lockstep console --as {name}")


@app.command("list")
def list_(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show everybody, with roles and scopes."""
    from gateway.cli.store import configuration
    from gateway.work.people import list_people

    found = asked(configuration(config), list_people)
    if as_json:
        document([facts(each) for each in found])
        return
    table(
        [_row(each) for each in found], ["name", "roles", "connections", "types", "signs in with", "state", "version"]
    )
    if not found:
        say("nobody yet; add somebody: lockstep user add NAME --role operator")


@app.command("set")
def set_(
    name: Name,
    config: Config = DEFAULT_CONFIG,
    role: Annotated[
        list[str] | None, typer.Option("--role", envvar="LOCKSTEP_ROLE", help="These and no others.")
    ] = None,
    connection: Connections = None,
    type: Types = None,
    everywhere: Everywhere = False,
    label: Label = None,
    expect: Expect = 0,
    as_json: Json = False,
) -> None:
    """Change roles, scope or label. New rights end all sessions of the person."""
    import msgspec

    from gateway.cli.store import configuration
    from gateway.work.people import change_person

    if everywhere and (connection or type):
        raise Ending(Code.WRONG_USE, "--everywhere, or --connection and --type; not both")
    none = None if everywhere else msgspec.UNSET
    roles = roles_of(role) if role else None
    made = asked(
        configuration(config),
        lambda place, who: change_person(
            place,
            who,
            name,
            roles=roles,
            connections=connection or none,
            types=type or none,
            label=label,
            expected_version=expect,
        ),
    )
    _tell(made, as_json=as_json)


@app.command("disable")
def disable(
    name: Name,
    config: Config = DEFAULT_CONFIG,
    expect: Expect = 0,
    yes: Yes = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Let somebody in no more: sessions end, tokens do not hold. The name stays theirs."""
    from gateway.cli.store import configuration
    from gateway.work.people import disable_person

    loaded = configuration(config)
    make_sure(f"End all sessions of {name}, and let nothing of theirs in any more?", yes=yes, no_input=no_input)
    made = asked(loaded, lambda place, who: disable_person(place, who, name, expected_version=expect))
    _tell(made, as_json=as_json)


@app.command("enable")
def enable(name: Name, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Let somebody in again, with the roles they had; their tokens hold again."""
    from gateway.cli.store import configuration
    from gateway.work.people import disable_person

    made = asked(configuration(config), lambda place, who: disable_person(place, who, name, disabled=False))
    _tell(made, as_json=as_json)


@app.command("password")
def password(
    name: Name,
    config: Config = DEFAULT_CONFIG,
    stdin: Stdin = False,
    generate: Generate = False,
    no_input: NoInput = False,
    as_json: Json = False,
) -> None:
    """Set a new password: typed unseen, from standard input, or made up. All sessions of the person end."""
    from gateway.access.passwords import generated
    from gateway.cli.store import configuration
    from gateway.work.people import set_password

    loaded = configuration(config)
    chosen = generated() if generate else secret_line("new password", stdin=stdin, no_input=no_input, twice=True)
    asked(loaded, lambda place, who: set_password(place, who, name, chosen))
    if as_json:
        document({"name": name, "password": chosen if generate else None})
    elif generate:
        data(chosen)
    say(f"{name} has a new password; {'it is shown this once, and ' if generate else ''}all sessions of {name} ended")


@app.command("sign-out")
def sign_out(name: Name, config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """End all sessions of somebody, who may sign in again."""
    from gateway.cli.store import configuration
    from gateway.work.people import end_sessions, get_person

    async def end(place: Any, who: Any) -> int:
        return await end_sessions(place, who, (await get_person(place, who, name)).id)

    ended = asked(configuration(config), end)
    if as_json:
        document({"name": name, "sessions_ended": ended})
    else:
        data(f"{ended} session(s) of {name} ended")


def _tell(person: Person, *, as_json: bool) -> None:
    if as_json:
        document(facts(person))
        return
    row = _row(person)
    data(
        f"{row['name']}: {row['roles']}; connections {row['connections']}; record types {row['types']}; {row['state']}"
    )


def _row(person: Person) -> dict[str, Any]:
    ways = ["password"] if person.has_password else []
    ways += [person.issuer] if person.issuer else []
    return {
        "name": person.name,
        "roles": ", ".join(sorted(person.roles)),
        "connections": scope_text(person.connections),
        "types": scope_text(person.types),
        "signs in with": ", ".join(ways) or "links only",
        "state": f"disabled {moment(person.disabled_at)}" if person.disabled_at else "may sign in",
        "version": person.version,
    }
