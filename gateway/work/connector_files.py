"""What a connector asks for and offers: of a file that somebody hands in, or of one that is installed. Reads only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

from connectors import grades, registry
from connectors.contract.errors import InputError
from connectors.contract.written.places import Source
from connectors.contract.written.problems import Problem
from connectors.declared.loader import read_text
from connectors.declared.model.file import ConnectorFile
from connectors.declared.model.needs import Need
from connectors.declared.model.records import Record
from gateway.access.rights import Principal, Right
from gateway.work.workplace import Workplace


class NeedView(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that a connection, or a member of a flow, has to give or may."""

    name: str
    type: str
    label: str
    doc: str
    required: bool
    default: Any = None
    example: Any = None
    choices: tuple[str, ...] = ()


class RecordView(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of object."""

    name: str
    doc: str = ""
    writes: tuple[str, ...] = ()
    needs: tuple[NeedView, ...] = ()


class ConnectorReport(msgspec.Struct, frozen=True, kw_only=True):
    """A connector that can be used."""

    connector: str
    title: str
    docs: str
    release: str
    auth: tuple[str, ...]
    """Ways to sign in; a connection uses one."""
    needs: tuple[NeedView, ...]
    records: tuple[RecordView, ...]
    checks: tuple[str, ...]
    """What a test of a connection proves; empty: as the connector itself knows."""
    webhooks: bool


class ConnectorInvalid(InputError):
    """The text is no connector file; `errors` has each problem with its place in it."""

    status = 422

    def __init__(self, found: list[Problem]) -> None:
        count = len(found)
        super().__init__(f"{count} problem{'s' if count > 1 else ''} in the connector file", code="connector.invalid")
        self.found = found
        self.errors = [
            {
                "pointer": "/text",
                "detail": each.text,
                "file": each.file,
                "line": each.line,
                "column": each.col,
                "rule": each.rule,
                "fix": f"try {each.hint}" if each.hint else "",
            }
            for each in found
        ]


def validate_connector(place: Workplace, who: Principal, text: str, *, name: str = "connector.yaml") -> ConnectorReport:
    """What the file asks for and offers, by the reader of every start. Right CONFIGURE. Raises ConnectorInvalid with
    all problems at once.
    """
    who.require(Right.CONFIGURE)
    file, problems = read_text(Source(name, text))
    if file is None:
        raise ConnectorInvalid(problems)
    return _of_file(file)


def installed(connector: str) -> ConnectorReport | None:
    """The same of one that a connection can name. None: there is none, or it does not describe itself."""
    path = registry.path_of(connector)
    if registry.is_file(path):
        file = read_text(Source(Path(path).name, Path(path).read_text(encoding="utf-8"))).file
        return None if file is None else _of_file(file)
    manifest = grades.beside(connector, "manifest.yaml") if path else None
    if manifest is None or not manifest.is_file():
        return None
    return _of_manifest(connector, YAML(typ="safe").load(manifest.read_text(encoding="utf-8")))


def _of_file(file: ConnectorFile) -> ConnectorReport:
    return ConnectorReport(
        connector=file.connector,
        title=file.title or file.connector,
        docs=file.docs,
        release=file.release,
        auth=tuple(each.kind for each in file.auth),
        needs=_needs(file.needs),
        records=tuple(_record(name, each) for name, each in file.records.items()),
        checks=tuple(each.proves for each in file.check),
        webhooks=file.webhooks is not None,
    )


def _record(name: str, said: Record) -> RecordView:
    writes = tuple(sorted(said.writes.model_fields_set))
    return RecordView(name=name, doc=said.doc, writes=writes, needs=_needs(said.needs))


def _needs(given: Mapping[str, Need]) -> tuple[NeedView, ...]:
    return tuple(
        NeedView(
            name=name,
            type=each.type,
            label=each.label or name,
            doc=each.doc,
            required=each.default is None,
            default=each.default,
            example=each.example,
            choices=tuple(each.choices),
        )
        for name, each in given.items()
    )


def _of_manifest(connector: str, said: Mapping[str, Any]) -> ConnectorReport:
    objects: Mapping[str, Any] = said.get("objects") or {}
    return ConnectorReport(
        connector=connector,
        title=str(said.get("title") or connector),
        docs=str(said.get("docs") or ""),
        release="",
        auth=tuple(said.get("auth") or ()),
        needs=(),
        records=tuple(RecordView(name=str(name)) for name in objects),
        checks=(),
        webhooks=bool(said.get("webhooks")),
    )
