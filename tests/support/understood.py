"""One table for each folder of the corpus: what becomes of every file. `understood` has a test that reads it by the
connector; `refused` and `passed over` have their reason here, which the docs repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import orjson

from connectors import registry
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.values import Received, Webhook
from mappings.loader import load_mapping
from tests.support.shared import REPOSITORY, corpus_files, require_shared
from tests.unit.connectors.clocks import SteppingClock

DOCS = REPOSITORY / "docs" / "reference" / "payloads.md"
SECRET = "corpus"


def load(system: str, name: str) -> Any:
    """One payload."""
    return orjson.loads(require_shared("vendor", "fixtures", system, name).read_bytes())


def all_told(system: str, table: Mapping[str, str]) -> None:
    """Fails unless the table has exactly the files of the folder, and the docs have exactly the table."""
    require_shared("vendor", "fixtures", system)
    assert {path.name for path in corpus_files("vendor", "fixtures", system)} == set(table)
    lines = [f"| {system} | `{name}` | {said} |" for name, said in table.items()]
    page = DOCS.read_text().splitlines()
    assert [line for line in lines if line not in page] == []
    assert [line for line in page if line.startswith(f"| {system} |")] == sorted(lines), "one line each, by name"


def answering(system: str, answer: Any, auth: Mapping[str, Any], **options: Any) -> Connector:
    """The shipped connector over a system that answers so: a recorded exchange, a document, or by a function."""

    def reply(request: httpx.Request) -> httpx.Response:
        said = answer(request) if callable(answer) else answer
        if isinstance(said, Mapping) and "response" in said:
            said = said["response"]
            body = said["body"] if isinstance(said["body"], str) else orjson.dumps(said["body"])
            return httpx.Response(said["status"], headers=said["headers"], content=body)
        return said if isinstance(said, httpx.Response) else httpx.Response(200, content=orjson.dumps(said))

    settings = ConnectionSettings(
        name=system, connector=system, url=f"https://{system}.test", auth=auth, webhook_secret=SECRET, options=options
    )
    return registry.create(settings, clock=SteppingClock(), transport=httpx.MockTransport(reply))


def mapped(name: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The record that a shipped mapping makes of a document."""
    mapping = load_mapping(name)
    return {field: mapping.from_ext(field, ext) for field, ext in mapping.read(raw).items()}


def received(connector: Connector, body: bytes, headers: Mapping[str, str], *, at: float, url: str = "") -> Received:
    """What a webhook means."""
    return connector.receive(Webhook(headers=headers, body=body, url=url, received_at=at))
