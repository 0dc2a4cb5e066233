"""A small connector file, its parts replaced as a test wants, and an engine over a system in memory."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from io import StringIO
from typing import Any

import httpx
import orjson
from ruamel.yaml import YAML

from connectors.contract.connector import ConnectionSettings
from connectors.contract.written.places import Source
from connectors.declared.connector import Declared
from connectors.declared.loader import Read, read_text
from connectors.declared.model.file import ConnectorFile
from connectors.declared.scripted import Clock

URL = "https://desk.test"
SMALL: dict[str, Any] = {
    "connector": "desk",
    "format": 1,
    "auth": {"kind": "bearer"},
    "check": [{"proves": "sign-in", "get": "/me"}],
    "records": {
        "ticket": {
            "id": "$.id",
            "version": {"at": "$.rev", "kind": "counter"},
            "updated": {"at": "$.changed", "exact": "1s"},
            "one": {"get": "/tickets/${id}"},
            "list": {"get": "/tickets", "pick": "$.items[*]"},
        }
    },
}


def with_(*changes: tuple[str, Any]) -> dict[str, Any]:
    """SMALL with values set at dotted paths; `ticket.` stands for `records.ticket.`."""
    made = deepcopy(SMALL)
    for path, value in changes:
        steps = path.replace("ticket.", "records.ticket.", 1).split(".")
        at = made
        for step in steps[:-1]:
            at = at.setdefault(step, {})
        at[steps[-1]] = value
    return made


def written(document: dict[str, Any]) -> str:
    out = StringIO()
    YAML().dump(document, out)
    return out.getvalue()


def read(*changes: tuple[str, Any]) -> Read:
    return read_text(Source("desk.yaml", written(with_(*changes))))


def told(*changes: tuple[str, Any]) -> list[str]:
    """`rule: text; try hint` of every problem."""
    return [f"{each.rule}: {each.text}; try {each.hint}" for each in read(*changes).problems]


def file_of(*changes: tuple[str, Any]) -> ConnectorFile:
    found = read(*changes)
    assert found.file is not None, [str(each) for each in found.problems]
    return found.file


Answer = Callable[[httpx.Request], Any]


def engine(
    answer: Answer, *changes: tuple[str, Any], seen: list[httpx.Request] | None = None, **settings: Any
) -> Declared:
    """The engine on a system that answers so: a Response, or a document."""

    def reply(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        said = answer(request)
        return said if isinstance(said, httpx.Response) else httpx.Response(200, content=orjson.dumps(said))

    given: dict[str, Any] = {"name": "desk", "connector": "desk", "url": URL, "auth": {"bearer": {"token": "t-secret"}}}
    wanted = ConnectionSettings(**(given | settings))
    return Declared(file_of(*changes), wanted, clock=Clock(), transport=httpx.MockTransport(reply))
