"""What a connection gives to a connector file: settings checked against `needs`, and credentials of a kind it knows."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import msgspec
from pydantic import ValidationError

from connectors.contract.connector import ConnectionSettings
from connectors.contract.credentials import Keyring, Material
from connectors.contract.errors import ConfigError
from connectors.contract.written.problems import nearest
from connectors.declared.model.auth import settings_of
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.needs import Need, Needs, model_of

PAGE_SIZE = Need(type="integer", default=0, doc="Objects asked for at once; 0: as the connector file says.")
WEBHOOK_URL = Need(default="", doc="The address the system calls, where a proxy stands before the gateway.")
_LOCAL = ("127.0.0.1", "localhost", "::1")


def given(file: ConnectorFile, settings: ConnectionSettings) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Settings of the connection, and of each of its objects. Raises ConfigError with every problem at once."""
    where, problems = f"connection {settings.name}", list[str]()
    own = _read({**file.needs, "page_size": PAGE_SIZE, "webhook_url": WEBHOOK_URL}, settings.options, where, problems)
    of_objects: dict[str, dict[str, Any]] = {}
    for name in settings.objects or file.records:
        record = file.records.get(name)
        if record is None:
            hint = nearest(name, file.records)
            problems.append(f"{where}: error[objects]: {file.connector} has no object {name}; try {hint}")
            continue
        of_objects[name] = _read(record.needs, settings.objects.get(name, {}), f"{where}, {name}", problems)
    problems += _hosts(file, settings, where)
    if problems:
        raise ConfigError(problems)
    return own, of_objects


def _read(needs: Needs, options: Mapping[str, Any], where: str, problems: list[str]) -> dict[str, Any]:
    # The configuration asks every connector for fields that a mapping reads; here the file says what is read.
    told = {name: value for name, value in options.items() if name != "fields" or name in needs}
    try:
        return model_of("Settings", needs).model_validate(told).model_dump()
    except ValidationError as error:
        problems += [f"{where}: error[options]: {_problem(needs, each)}" for each in error.errors()]
        return {}


def _problem(needs: Needs, each: Any) -> str:
    key = ".".join(map(str, each["loc"]))
    if each["type"] == "extra_forbidden":
        hint = nearest(key, needs)
        return f"{key} is not an option" + (f"; try {hint}" if hint else "")
    need = needs.get(key)
    if each["type"] == "missing" and need is not None:
        example = f", such as {need.example}" if need.example is not None else ""
        return f"{key} is missing{': ' + need.doc if need.doc else ''}; try adding '{key}:'{example}"
    return f"{key}: {str(each['msg'])[:1].lower()}{str(each['msg'])[1:]}"


def _hosts(file: ConnectorFile, settings: ConnectionSettings, where: str) -> list[str]:
    host = urlsplit(settings.url).hostname or ""
    if not file.http.only_hosts or host in _LOCAL or allowed(file, host):
        return []
    hosts = ", ".join(file.http.only_hosts)
    return [f"{where}: error[host]: {file.connector} is only spoken to at {hosts}; try one of them as 'url'"]


def allowed(file: ConnectorFile, host: str) -> bool:
    """Whether the file lets credentials and requests go to this host."""
    return any(fnmatchcase(host, pattern) for pattern in file.http.only_hosts)


def with_ways(file: ConnectorFile, settings: ConnectionSettings) -> ConnectionSettings:
    """The settings with what the file says of signing in beside the credentials. Raises ConfigError for a kind that
    the file does not have.
    """
    keyring = settings.keyring
    merged = None if keyring is None else _Merged(file, settings.name, keyring)
    auth = merge(file, settings.name, settings.auth)
    return msgspec.structs.replace(settings, auth=auth, keyring=merged)


def merge(file: ConnectorFile, connection: str, auth: Mapping[str, Any]) -> dict[str, Any]:
    """One kind with the file's settings under the connection's. Where the file has none that needs credentials, the
    connection may say nothing.
    """
    known = {each.kind: each for each in file.auth}
    name, said = next(iter(auth.items()), ("none", {}))
    if len(auth) > 1 or name not in known:
        kinds = " or ".join(f"'auth: {{{each}: ...}}'" for each in known)
        problem = f"connection {connection}: error[auth]: {file.connector} does not sign in by {name}; try {kinds}"
        raise ConfigError([problem])
    return {name: {**settings_of(known[name]), **(said if isinstance(said, Mapping) else {})}}


class _Merged:
    """A keyring whose material says what the file says, too."""

    def __init__(self, file: ConnectorFile, connection: str, keyring: Keyring) -> None:
        self._file, self._connection, self._keyring = file, connection, keyring

    def current(self) -> Material:
        """See `Keyring`."""
        return self._of(self._keyring.current())

    def former(self) -> Material | None:
        """See `Keyring`."""
        former = self._keyring.former()
        return None if former is None else self._of(former)

    def _of(self, material: Material) -> Material:
        return Material(version=material.version, auth=merge(self._file, self._connection, material.auth))
