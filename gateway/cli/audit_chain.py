"""`lockstep audit verify|chain|key|accept`: is the trail whole, and who vouches for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.gateways import asked
from gateway.cli.output import data, document, moment, say, table
from gateway.cli.progress import Progress

if TYPE_CHECKING:
    from gateway.audit.findings import Report
    from gateway.config import Config as Loaded
    from gateway.storage.database import Database
    from gateway.work.audit_chain import ChainKey, ChainView

COLUMNS = ("kind", "first", "last", "what")


def _option(*names: str, env: str, help: str, **more: Any) -> Any:
    return typer.Option(*names, envvar=f"LOCKSTEP_AUDIT_{env}", help=help, **more)


Since = Annotated[int, _option("--from", env="FROM", metavar="SEQ", min=1, help="Begin with this entry.")]
Against = Annotated[
    list[Path] | None,
    _option("--against", env="AGAINST", metavar="FILE", help="Checkpoints kept elsewhere; several may be named."),
]
Key = Annotated[
    str, _option("--key", env="KEY", metavar="PUBLIC", help="Believe this public key (base64), not the one here.")
]
Why = Annotated[str, _option("--reason", env="REASON", metavar="TEXT", help="What happened, and who decided it.")]


def verify(
    since: Since = 1,
    against: Against = None,
    key: Key = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Read the whole trail and name every entry that was changed, is missing, reordered, added or cut off. Ends with
    code 12 if there is one. The gateway may run meanwhile.
    """
    from gateway.cli.store import configuration

    loaded = configuration(config)
    report = _verified(loaded, since, against or [], key)
    if as_json:
        import msgspec

        document({**msgspec.to_builtins(report), "whole": report.whole})
    else:
        _tell(report)
    if not report.whole:
        raise Ending(Code.NOT_WHOLE)


def _verified(loaded: Loaded, since: int, against: list[Path], key: str) -> Report:
    from gateway.audit import checkpoints, verifying
    from gateway.audit.keys import signer_of
    from gateway.cli.store import ask

    own = loaded.data / checkpoints.FILE_NAME
    files = [*([own] if own.is_file() else []), *against]
    public = _public(key) if key else signer_of(loaded).public
    progress = Progress("entries")

    async def put(database: Database) -> Report:
        return await verifying.verify(
            database, public, since=since, files=files, progress=lambda done, of: progress.tell("", done, of)
        )

    try:
        return ask(loaded, put)
    except OSError as error:
        raise Ending(Code.NOT_FOUND, f"{error.filename}: {error.strerror}") from error
    finally:
        progress.end()


def _public(key: str) -> str:
    from base64 import b64encode

    from gateway.core.key_files import key_bytes

    try:
        return b64encode(key_bytes(key)).decode()
    except ValueError as error:
        raise Ending(Code.WRONG_USE, f"--key {key}: this is no public key; lockstep audit key shows one") from error


def _tell(report: Report) -> None:
    for notice in report.notices:
        say(notice)
    rows = [
        {"kind": str(each.kind), "first": each.first, "last": each.last, "what": each.text} for each in report.findings
    ]
    if rows:
        table(rows, COLUMNS)
        say(f"{len(rows)} findings in {report.entries} entries; what each means: docs/how-to/prove-the-trail.md")
        return
    data(f"entries {report.first} to {report.last} are whole, signed by {report.key[:16] or 'nobody yet'}")
    say(f"{report.entries} entries, {report.checkpoints} checkpoints, {report.erased} erasures, {report.seconds:.1f} s")


def chain(config: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Show how the chain stands: newest entry, last checkpoint, where it begins, keys. Nothing is checked by it."""
    view = asked(config, lambda gateway: gateway.audit.chain_state())
    if as_json:
        import msgspec

        document(msgspec.to_builtins(view))
        return
    _show(view)


def _show(view: ChainView) -> None:
    if view.head is None or not view.head.seq:
        data("there is no entry yet")
        return
    data(f"newest entry {view.head.seq}, link {view.head.link}")
    if view.checkpoint is not None:
        data(f"last checkpoint at {view.checkpoint.seq}, {moment(view.checkpoint.at)}")
    if view.floor is not None:
        data(f"entries up to {view.floor.seq} were deleted by their age, the last {moment(view.floor.at)}")
    for each in view.keepers:
        data(f"{each.name} has everything up to {each.seq}; what is above is kept for it")
    for key in view.keys:
        data(f"key {key.fingerprint} since entry {key.seq}, {_by(key)}; public {key.public}")
    if view.broken:
        say(f"the gateway found the trail tampered with {view.broken} times: lockstep audit verify")


def _by(key: ChainKey) -> str:
    if key.vouched:
        return f"vouched for by {key.former[:16]}"
    return "by a person's word" if key.former else "the first"


def key(
    accept: Annotated[
        bool, _option("--accept", env="ACCEPT_KEY", help="Let this key sign from now on; the former one is lost.")
    ] = False,
    why: Why = "",
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show the public key that signs here, for whoever checks elsewhere; or answer for a change of it."""
    from gateway.audit.keys import signer_of
    from gateway.cli.admin import asked as asked_here
    from gateway.cli.store import configuration
    from gateway.work.audit_chain import accept_key

    loaded = configuration(config)
    if accept:
        said = _reason(why)
        entered = asked_here(loaded, lambda place, who: accept_key(place, who, said))
        say("it signs from now on; the trail says so" if entered else "it signs here already")
    signer = signer_of(loaded)
    if as_json:
        document({"fingerprint": signer.fingerprint, "public": signer.public})
    else:
        data(f"fingerprint {signer.fingerprint}")
        data(f"public {signer.public}")


def accept(
    seq: Annotated[int, typer.Argument(metavar="SEQ", help="The entry that tells what was found.")],
    why: Why = "",
    config: Config = DEFAULT_CONFIG,
) -> None:
    """Answer for what the gateway found, such as a backup that was put in place on purpose. The trail keeps both."""
    from gateway.cli.admin import asked as asked_here
    from gateway.cli.store import configuration
    from gateway.work.audit_chain import accept_break

    said = _reason(why)
    if not asked_here(configuration(config), lambda place, who: accept_break(place, who, seq, said)):
        raise Ending(Code.NOT_FOUND, f"entry {seq} tells of nothing that was found; lockstep audit verify names them")
    data(f"entry {seq} is answered for; verify tells of it as a notice")


def _reason(why: str) -> str:
    if not why.strip():
        raise Ending(Code.WRONG_USE, "say why: --reason TEXT")
    return why.strip()[:1000]
