"""A case as commands for a shell: ours, the API's, and what was asked of the system. No secret is in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from shlex import quote
from typing import Any, NamedTuple

from dead_letter.values import Case
from gateway.console.frame import Asked
from gateway.console.rendering import path

_NO_BODY = frozenset({"GET", "HEAD", "DELETE"})


class Command(NamedTuple):
    """What is copied, and what it does."""

    name: str
    text: str
    note: str = ""


def commands(asked: Asked, case: Case) -> list[Command]:
    """Those of a case; the request only where the evidence tells what was sent."""
    base = asked.desk.place.config.access.url or str(asked.request.url.origin())
    address = quote(base.rstrip("/") + path("v1", "cases", case.number))
    api = f'curl -sS -H "Authorization: Bearer $LOCKSTEP_TOKEN" {address}'
    found = [
        Command("lockstep", f"lockstep case show {case.number}"),
        Command("curl, the API", api, "LOCKSTEP_TOKEN holds a token of yours; make one under Settings."),
    ]
    request = _request(case.connection, case.evidence)
    return [*found, request] if request else found


def _request(connection: str, evidence: Mapping[str, Any]) -> Command | None:
    """The request that the system answered: credentials and bodies are not kept, so both are named instead."""
    method, url = evidence.get("method"), evidence.get("url")
    if not isinstance(method, str) or not isinstance(url, str) or not method.isalpha():
        return None
    name = "".join(each if each.isalnum() else "_" for each in connection.upper())
    parts = ["curl -sS", f"-X {method}", f'-H "Authorization: ${name}_AUTHORIZATION"']
    note = f"{name}_AUTHORIZATION holds a credential of yours for {connection}."
    if method not in _NO_BODY:
        parts += ["-H 'Content-Type: application/json'", "--data @body.json"]
        note += " The body is not kept as it was sent; body.json stands for it. This writes when it is run."
    return Command(f"curl, as sent to {connection}", " ".join([*parts, quote(url)]), note)
