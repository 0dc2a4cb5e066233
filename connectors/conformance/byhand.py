"""People's edits for systems whose fixture has no hand of its own: through a second connector, signed in as a person.
It is a hand, never a witness.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from connectors.conformance.rules import DoesNotApply
from connectors.contract.connector import Connector
from connectors.contract.fixture import Fixture, Held
from connectors.contract.values import Ref, Write, WriteKind


class ThroughConnector:
    """Implements `Hand` as far as a connector can: creates and edits."""

    def __init__(self, connector: Connector, fixture: Fixture) -> None:
        self._connector, self._fixture = connector, fixture

    async def create(self, text: str) -> str:
        return (await self._connector.apply(self._write(WriteKind.CREATE, text))).ref.id

    async def edit(self, id: str, text: str) -> None:
        ref = Ref(object=self._fixture.object, id=id)
        etag = (await self._connector.read(ref)).etag
        await self._connector.apply(self._write(WriteKind.UPDATE, text, ref=ref, etag=etag))

    async def comment(self, id: str, body: str) -> None:
        raise DoesNotApply("the fixture has no hand, and a connector's comments are copies, not a person's")

    async def delete(self, id: str) -> None:
        raise DoesNotApply("the fixture has no hand that could delete")

    async def held(self, id: str) -> Held | None:
        raise DoesNotApply("the fixture has no hand, and a connector is no witness")

    async def search(self, text: str) -> Sequence[str]:
        raise DoesNotApply("the fixture has no hand, and a connector is no witness")

    async def close(self) -> None:
        await self._connector.close()

    def _write(self, kind: WriteKind, text: str, *, ref: Ref | None = None, etag: str | None = None) -> Write:
        return Write(
            kind=kind,
            object=self._fixture.object,
            operation=uuid.uuid4().hex,
            correlation=uuid.uuid4().hex,
            ref=ref,
            etag=etag,
            values=self._fixture.fragment(text),
        )
