"""`lockstep leaver statement|verify`: the certificate of a departure, issued and checked. Checking needs no gateway."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import Code, Ending
from gateway.cli.flags import DEFAULT_CONFIG, Config, Json
from gateway.cli.output import data, document, say, table

if TYPE_CHECKING:
    from gateway.offboarding.certificate import Certificate, CertifiedStep, Statement

STEPS = ("system", "what", "name", "state", "due", "ended", "by", "proof")
_FINGERPRINT = re.compile(r"(?<![0-9A-Za-z+/=])[0-9a-fA-F]{64}(?![0-9A-Za-z+/=])")


def statement(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="LV-17, or 17.")],
    out: Annotated[
        Path | None, typer.Option("--out", envvar="LOCKSTEP_OUT", help="Write the certificate to this file, too.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Issue a signed certificate of how a departure stands, and say it in words; with --json the certificate itself.

    It can be had at any time, and says plainly what is not over. Each one that is issued stands in the trail.
    """
    from gateway.cli.gateways import asked
    from gateway.offboarding.certificate import as_file, read

    found = asked(config, lambda gateway: gateway.leaver_proof.certify(number))
    file = as_file(found)
    if out is not None:
        _written(out, file)
    if as_json:
        document(found)
        return
    told = read(file)
    _show(told)
    if out is not None:
        say(f"who gets {out} checks it with: lockstep leaver verify {out} --key {told.fingerprint}")


def verify(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE", help="The certificate."),
    ],
    key: Annotated[
        str,
        typer.Option(
            "--key",
            envvar="LOCKSTEP_LEAVER_KEY",
            metavar="FINGERPRINT|FILE",
            help="The key that the operator published: fingerprint, public key, or a file with it.",
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    """Check a certificate without the gateway: who signed it, whether it was changed, and what it does not prove.

    Ends with 12 if it was changed or another key signed it, with 3 if it is genuine and not all access has ended.
    """
    from gateway.offboarding.certificate import Malformed, read

    trusted = _fingerprints(key) if key else frozenset()
    try:
        found = read(file.read_bytes())
    except Malformed as error:
        raise Ending(Code.NOT_WHOLE, f"{file}: {error}") from error
    foreign = bool(trusted) and found.fingerprint not in trusted
    if as_json:
        document(_for_programs(found, compared=bool(trusted), foreign=foreign))
    else:
        _show(found)
        say(_about_key(found, compared=bool(trusted), foreign=foreign))
    if foreign or not found.signed:
        raise Ending(Code.NOT_WHOLE)
    if found.problems:
        raise Ending(Code.SOME_FAILED)


def _written(out: Path, file: bytes) -> None:
    try:
        out.write_bytes(file)
    except OSError as error:
        raise Ending(Code.WRONG_USE, f"--out {out}: {error.strerror}") from error


def _fingerprints(key: str) -> frozenset[str]:
    """Of the keys that somebody trusts: as they are, or of public keys, here or in a file."""
    from base64 import b64encode

    from gateway.core.signing import fingerprint
    from gateway.siem.verifier.telling import keys_of

    try:
        text = Path(key).read_text(encoding="utf-8") if Path(key).is_file() else key
        found = {each.lower() for each in _FINGERPRINT.findall(text)}
        if not found:
            found = {fingerprint(b64encode(each).decode()) for each in keys_of(text)}
    except (OSError, ValueError) as error:
        raise Ending(
            Code.WRONG_USE, f"--key {key}: neither a fingerprint (64 hex digits) nor a public key; lockstep audit key"
        ) from error
    return frozenset(found)


def _about_key(found: Statement, *, compared: bool, foreign: bool) -> str:
    if foreign:
        return f"NOT the key you trust: it names the key {found.fingerprint}"
    if compared:
        return "the key is the one you trust"
    return (
        f"compare the key's fingerprint with the one that the gateway's operator published (lockstep audit key), or "
        f"give it with --key: {found.fingerprint}"
    )


def _for_programs(found: Statement, *, compared: bool, foreign: bool) -> dict[str, Any]:
    import msgspec

    return {
        "signed": found.signed,
        "fingerprint": found.fingerprint,
        "key": "another" if foreign else "trusted" if compared else "not compared",
        "proved": not found.problems and not foreign,
        "problems": list(found.problems),
        "certificate": msgspec.to_builtins(found.certificate),
    }


def _show(found: Statement) -> None:
    one = found.certificate
    who = ", ".join(one.person.values()) or "-"
    data(f"{one.case}  {who}  {one.event}  {one.state}")
    data(
        f"access ends from {one.effective} ({one.zone}), the last of it by {one.deadline}; told by {one.source or '-'}"
    )
    _systems(one)
    for each in one.exceptions:
        data(f"besides: {each}")
    data(f"issued {one.issued} by {one.issued_by}, gateway {one.gateway}, release {one.release}")
    data(f"stands at entry {one.audit_position} of the audit trail, link {one.audit_link}")
    data(f"key {found.fingerprint}")
    for problem in found.problems:
        data(f"NOT PROVED: {problem}")
    if not found.problems:
        data("proved: the signature holds, and everything above was seen to be gone, or said to be done by hand")


def _systems(one: Certificate) -> None:
    table([_row(each) for each in one.steps], STEPS)


def _row(each: CertifiedStep) -> dict[str, Any]:
    seen = each.checks[-1] if each.checks else None
    looks = f"{'THERE' if seen.found else 'not there'} {seen.at}, {len(each.checks)} looks" if seen else ""
    shown = f"{each.evidence} ({each.evidence_sha256[:16]})" if each.evidence else ""
    return {
        "system": each.connection,
        "what": each.kind,
        "name": each.name + (" (privileged)" if each.privileged else ""),
        "state": each.state,
        "due": each.due,
        "ended": each.ended,
        "by": each.by,
        "proof": "; ".join(part for part in (shown, looks) if part),
    }
