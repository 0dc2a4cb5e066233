"""The proof of one departure, for people who do not have the gateway: what ended, when, and who saw that it is gone.

A certificate is a JSON document with an Ed25519 signature over its canonical form (RFC 8785 for the values used here:
sorted keys, no spaces, UTF-8, whole numbers and texts only). Times are texts in UTC, so that no reader rounds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import msgspec
import orjson

from connectors.contract.errors import LockstepError
from gateway.core.signing import Signer, fingerprint, verifies

FORMAT = "lockstep-leaver-certificate"
VERSION = 1
GONE, BY_HAND, NOT_APPLICABLE = "gone", "by_hand", "not_applicable"
ENDED = frozenset({GONE, BY_HAND, NOT_APPLICABLE})
"""States of steps that leave nothing to do."""
WITHDRAWN = frozenset({"cancelled", "returned"})
"""States of departures by which nothing has to end any more."""
AHEAD = frozenset({"planned", "asks", "held"})
"""States of departures that people or the clock have to let go on."""
SIGNED = frozenset({"algorithm", "key", "value"})


class Malformed(LockstepError):
    """What was given is no certificate; says why."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One look into a system for something that ended."""

    at: str
    found: bool
    """It was there (again)."""
    sha256: str
    """Of the canonical JSON of what the system showed."""


class CertifiedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the person had, and how it ended."""

    id: str
    connection: str
    kind: str
    name: str
    privileged: bool = False
    state: str
    due: str
    ended: str = ""
    """When it was first seen to be gone; by hand: when somebody said so."""
    by: str = ""
    """`lockstep`, or the person who did it by hand."""
    evidence: str = ""
    """By hand: what was said, or the name of the file."""
    evidence_sha256: str = ""
    """Of the file, or, where there is none, of the canonical JSON of what was said."""
    to: str = ""
    """Who has it now: work, jobs and approvals."""
    checks: tuple[Check, ...] = ()


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is signed."""

    format: str = FORMAT
    version: int = VERSION
    case: str
    person: Mapping[str, str]
    """Names of the person as of the departure: `name`, `email`, `employee_number`, as far as known."""
    event: str
    """`termination`, `leave`, `role_change`."""
    state: str
    """How the departure stood as a whole: planned, asks, held, open, done, closed, cancelled, returned."""
    source: str
    """Who told: a connection, a file, or the person who asked."""
    effective: str
    zone: str
    deadline: str
    """By when the last step had to have ended."""
    steps: tuple[CertifiedStep, ...]
    exceptions: tuple[str, ...] = ()
    """What stays on purpose (a legal hold, a mailbox), and what could not be seen, in words."""
    audit_position: int = 0
    """Position in the audit chain up to which the steps are told there."""
    audit_link: str = ""
    gateway: str
    """Which gateway says so."""
    release: str
    issued: str
    issued_by: str


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a certificate proves."""

    certificate: Certificate
    fingerprint: str
    """Of the key that signed; who relies on it compares it with the one the gateway's operator published."""
    signed: bool
    problems: tuple[str, ...]
    """Why it does not prove that all access has ended; empty: it does."""


def moment(at: float | None) -> str:
    """`2026-11-22T07:00:00.123Z`; empty for none."""
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def canonical(value: Any) -> bytes:
    """The one form of a document that is hashed and signed."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, 64 hex digits."""
    return sha256(canonical(value)).hexdigest()


def signed(certificate: Certificate, signer: Signer) -> dict[str, Any]:
    """The document with its signature."""
    told = msgspec.to_builtins(certificate)
    signature = {"algorithm": "Ed25519", "key": signer.public, "value": signer.sign(canonical(told))}
    return {**told, "signature": signature}


def as_file(document: Mapping[str, Any]) -> bytes:
    """As people get it, who can read it, too."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def issue(certificate: Certificate, signer: Signer) -> bytes:
    """The signed document as a file."""
    return as_file(signed(certificate, signer))


def read(document: bytes) -> Statement:
    """What a certificate says, and whether that holds. The key is the one it names: compare `fingerprint`. Raises
    Malformed.
    """
    told = _parsed(document)
    # A value that is there twice is read as the second one, and a person may read the first.
    spelled = document.strip() in (orjson.dumps(told), as_file(told).strip())
    signature = told.pop("signature", None)
    if not isinstance(signature, dict) or not all(isinstance(signature.get(name), str) for name in ("key", "value")):
        raise Malformed("it has no signature")
    try:
        certificate = msgspec.convert(told, Certificate)
        name = fingerprint(signature["key"])
    except (msgspec.ValidationError, ValueError) as error:
        raise Malformed(f"it is no certificate of a departure: {error}") from error
    whole = spelled and set(signature) == SIGNED and signature["algorithm"] == "Ed25519"
    holds = whole and verifies(signature["key"], canonical(told), signature["value"])
    wrong = () if holds else ("the signature is not of this text: it was changed, or never signed by this key",)
    problems = (*wrong, *unproved(certificate))
    return Statement(certificate=certificate, fingerprint=name, signed=holds, problems=problems)


def _parsed(document: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(document)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"it is no JSON: {error}") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise Malformed(f"it is no certificate of a departure: its format is not {FORMAT}")
    if told.get("version") != VERSION:
        raise Malformed(f"its version is {told.get('version')}; this program reads {VERSION}")
    return told


def unproved(certificate: Certificate) -> tuple[str, ...]:
    """Why it does not say that all access has ended, whoever signs it; empty: it does."""
    found = []
    if certificate.state in WITHDRAWN:
        found.append(f"the departure is {certificate.state}: nothing has to end by it any more")
    if certificate.state in AHEAD:
        found.append(f"the departure is {certificate.state}: what was seen so far is not its end")
    if not certificate.steps:
        found.append("it tells of no system at all")
    return (*found, *(problem for step in certificate.steps for problem in _of_step(step)))


def _of_step(step: CertifiedStep) -> Sequence[str]:
    what = f"{step.connection}: {step.kind} {step.name}"
    if step.state not in ENDED:
        return [f"{what} has not ended ({step.state})"]
    found = []
    if step.state == GONE:
        if not step.checks:
            found.append(f"{what} is said to be gone, and nobody looked")
        elif step.checks[-1].found:
            found.append(f"{what} was there again at {step.checks[-1].at}")
    if step.state == BY_HAND and not (step.by and step.evidence):
        found.append(f"{what} was ended by hand without saying by whom and how")
    if step.ended and step.ended > step.due:
        found.append(f"{what} ended at {step.ended}, after its deadline {step.due}")
    return found
