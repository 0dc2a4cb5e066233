"""Filling in `${ENV}` and `file:`, and noting what `secret:` leaves to the database. Secrets come from nowhere else,
and no value that was filled in is ever shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher, get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from gateway.config.auth import FromFile, FromStore, Origin
from gateway.config.urls import database_url, listen_address, stream_url

_SLOT = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
UNSET = "unset"
"""Stands where a value is missing, so that the rest of the file can still be checked."""

# `*` is any one key, `**` everything below. A rule for a place is a path like `connections.*.url`.
_SECRET = (
    *("connections.*.auth.*.password", "connections.*.auth.*.token", "connections.*.auth.*.key"),
    *("connections.*.auth.*.client_secret", "connections.*.auth.*.refresh_token", "connections.*.auth.*.private_key"),
    *("connections.*.webhook.secret", "secrets.key", "secrets.former.*"),
    *("signing.key", "signing.former.*"),
    *("access.tokens.*.secret", "access.oidc.client_secret"),
    *("notifications.channels.*.webhook.secret", "notifications.channels.*.webhook.former"),
    "notifications.channels.*.email.password",
    *("siem.sinks.*.hec.token", "siem.sinks.*.webhook.secret", "siem.sinks.*.webhook.former"),
)
_FILLED = (
    *("data", "database", "stream", "listen", "access.url", "access.oidc.issuer", "access.oidc.client_id"),
    *("connections.*.url", "connections.*.auth.**", "connections.*.options.**", "flows.*.members.*.with.**"),
    *("notifications.base", "notifications.channels.*.webhook.url"),
    *("notifications.channels.*.email.server", "notifications.channels.*.email.user"),
    *("siem.host", "siem.sinks.*.syslog.server", "siem.sinks.*.hec.url", "siem.sinks.*.webhook.url"),
)
_OF_RECORDS = ("flows.*.refers.**",)
"""Where `${field}` is a field of a record, filled in when something is said of it."""
STORED = "secret:"
_IN_STORE = "connections.*.auth.*.*"
"""Where a secret may be one of the database: what a connection signs in with is asked for while the gateway runs."""
SECRET_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_URLS = ("database", "stream")
OVERRIDES: Mapping[str, Callable[[str], str]] = {
    "data": str,
    "database": database_url,
    "stream": stream_url,
    "listen": listen_address,
}
"""Top-level keys that `LOCKSTEP_<KEY>` in the environment replaces, and what a value must pass."""

At = tuple[str | int, ...]
_ALIKE = 4
"""Characters of a value in a sentence about its place: it is quoted there, if only in part."""
_TELLING = 12
"""Characters of a value that stands in no sentence by chance, whatever it is about."""


class Filler:
    """Fills one document. `problems` has what was missing or stood where it must not; `overrides`, bad variables that
    replace a key.
    """

    def __init__(self, source: Source, env: Mapping[str, str]) -> None:
        self.source, self.env = source, env
        self.problems: list[Problem] = []
        self.overrides: list[Problem] = []
        self.origins: dict[At, Origin] = {}
        """Where secrets come from that may change while the gateway runs."""
        self._filled: list[tuple[At, str]] = []

    def fill(self) -> Any:
        """The document with values in place of references."""
        data = self._walk(self.source.data, ())
        if isinstance(data, dict):
            for key, check in OVERRIDES.items():
                self._override(data, key, check)
        return data

    def unseen(self, problems: Iterable[Problem]) -> list[Problem]:
        """The same problems, without what was filled in: sentences quote values, and who wrote a reference to a value
        need not be somebody who may know it.
        """
        return [self._unseen(each) for each in problems]

    def _unseen(self, problem: Problem) -> Problem:
        if problem.file != self.source.file or not self._filled:
            return problem
        path, _ = self.source.path_at((problem.line, problem.col))
        for at, value in self._filled:
            anywhere = len(value) >= _TELLING and (value in problem.text or value in problem.hint)
            if anywhere or (_about(path, at) and _quoted(value, problem.text)):
                return replace(problem, text="what is filled in here does not fit", hint="")
        return problem

    def _override(self, data: dict[str, Any], key: str, check: Callable[[str], str]) -> None:
        """A bad value is told by the variable's name: the file has nothing of it, whatever stands at the key there."""
        variable = f"LOCKSTEP_{key.upper()}"
        given = self.env.get(variable)
        if not given:
            return
        try:
            data[key] = check(given)
        except ValueError as error:
            data.pop(key, None)
            text, _, hint = f"the environment variable {variable}: {error}".partition("; try ")
            self.overrides.append(self.source.problem((key,), "value", text, hint))

    def _walk(self, value: Any, at: At) -> Any:
        if isinstance(value, dict):
            return {key: self._walk(each, (*at, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [self._walk(each, (*at, index)) for index, each in enumerate(value)]
        if not isinstance(value, str):
            return value
        if _matches(at, _SECRET):
            return self._secret(value, at)
        if _matches(at, _FILLED):
            self._literal_password(value, at)
            if value.startswith(STORED) and _matches(at, (_IN_STORE,)):
                self._add(at, "secret-stored", "this is no secret, and is not kept in the database", "'${ENV}'")
            return self._text(value, at)
        if _SLOT.search(value) and not _matches(at, _OF_RECORDS):
            self._add(at, "env", "variables are not filled in here", "writing the value itself")
        return value

    def _secret(self, value: str, at: At) -> str:
        if value.startswith("file:"):
            return self._file(value.removeprefix("file:"), at)
        if value.startswith(STORED):
            return self._stored(value, at)
        if not _SLOT.search(value) and not self._harmless(at):
            way_out = f"'${{{_suggested(at)}}}' or 'file:path'"
            self._add(at, "secret-literal", "a secret does not belong in this file", way_out)
            return UNSET
        return self._text(value, at)

    def _text(self, value: str, at: At) -> str:
        return _SLOT.sub(lambda match: "${" if match.group(1) is None else self._variable(match.group(1), at), value)

    def _variable(self, name: str, at: At) -> str:
        if not _NAME.fullmatch(name):
            self._add(at, "env", f"'{name}' is not the name of a variable", "${NAME}")
        elif not self.env.get(name):
            state = "empty" if name in self.env else "not set"
            alike = get_close_matches(name, self.env, n=1, cutoff=0.85)
            hint = f"exporting it, or '{alike[0]}'" if alike and alike[0] != name else "exporting it"
            self._add(at, "env-missing", f"the environment variable {name} is {state}", hint)
        else:
            return self._noted(self.env[name], at)
        return UNSET

    def _noted(self, value: str, at: At) -> str:
        if len(value) >= _ALIKE:
            self._filled.append((at, value))
        return value

    def _file(self, name: str, at: At) -> str:
        file = Path(self.source.file).parent / name
        try:
            secret = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self._add(at, "secret-file", f"the secret file {name} cannot be read: {reason}")
            return UNSET
        self.origins[at] = FromFile(file.resolve())
        if not secret:
            self._add(at, "secret-file", f"the secret file {name} is empty")
        return self._noted(secret, at) or UNSET

    def _stored(self, value: str, at: At) -> str:
        """The reference itself: the value is the database's, and nothing is opened here."""
        name = value.removeprefix(STORED)
        if not _matches(at, (_IN_STORE,)):
            self._add(at, "secret-stored", "only what a connection signs in with may be in the database", "'file:path'")
        elif not SECRET_NAME.fullmatch(name):
            self._add(at, "secret-stored", "this is not the name of a secret", "secret:password")
        else:
            self.origins[at] = FromStore(name)
        return value

    def _literal_password(self, value: str, at: At) -> None:
        if not _matches(at, _URLS):
            return
        try:
            parts = urlsplit(value)
            password, host = parts.password, parts.hostname
        except ValueError:
            return
        if password and not _SLOT.search(password) and not _on_this_machine(host):
            self._add(
                at, "secret-literal", "a password does not belong in this file", "'${DATABASE_PASSWORD}' in its place"
            )

    def _harmless(self, at: At) -> bool:
        """A literal secret of a system on this machine: a stand-in's. Everything else comes from outside the file."""
        if at[0] != "connections":
            return False
        url = self.source.data.get("connections", {}).get(at[1], {}).get("url")
        try:
            return isinstance(url, str) and _on_this_machine(urlsplit(url).hostname)
        except ValueError:
            return False

    def _add(self, at: At, rule: str, text: str, hint: str = "") -> None:
        self.problems.append(self.source.problem(at, rule, text, hint))


def _about(path: At, at: At) -> bool:
    """Whether a problem at `path` is about what stands at `at`, or right beside it."""
    return path[: len(at)] == at or (len(path) > 2 and at[: len(path)] == path)


def _quoted(value: str, text: str) -> bool:
    return SequenceMatcher(None, value, text, autojunk=False).find_longest_match().size >= _ALIKE


def _matches(at: Sequence[str | int], patterns: Sequence[str]) -> bool:
    return any(_match(at, pattern.split(".")) for pattern in patterns)


def _match(at: Sequence[str | int], pattern: Sequence[str]) -> bool:
    if pattern[-1] == "**":
        pattern, at = pattern[:-1], at[: len(pattern) - 1]
    return len(at) == len(pattern) and all(want in ("*", str(key)) for key, want in zip(at, pattern, strict=True))


def _on_this_machine(host: str | None) -> bool:
    return host in ("localhost", "::1") or (host or "").startswith("127.")


def _suggested(at: At) -> str:
    return f"{at[1]}_{at[-1]}".upper().replace("-", "_")
