"""What the systems show at this moment: reads through the connectors, sends nothing and stores nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.contract.connector import Connector
from connectors.contract.errors import LockstepError
from connectors.contract.values import Ref, Snapshot, WriteKind
from gateway.storage.database import Database
from gateway.sync.absorb import agrees
from gateway.sync.attempts import Attempt
from gateway.sync.batch import Topology
from gateway.sync.flow import Member
from gateway.sync.state import LinkState, MemberState, RecordState
from gateway.sync.store import load_attempt, load_records
from gateway.work.queries import find_record

Facts = dict[str, Any]


async def record_look(
    database: Database, topology: Topology, connectors: Mapping[str, Connector], connection: str, key_or_id: str
) -> Facts | None:
    """A record field by field, as it is kept and as each of its systems shows it now. None: not known."""
    async with database.read() as tx:
        record_id = await find_record(tx, connection, key_or_id)
        state = (await load_records(tx, [record_id]))[record_id] if record_id else None
    return None if state is None else await _sides(state, topology, connectors)


async def write_look(
    database: Database, topology: Topology, connectors: Mapping[str, Connector], record_id: str, attempt_id: str
) -> Facts | None:
    """As `record_look`, for the record of a case; `sent` is what became visible of the write in doubt, if it names one.

    A field that shows what was sent may have got it from somebody else: this proves nothing, it helps a person judge.
    """
    async with database.read() as tx:
        state = (await load_records(tx, [record_id])).get(record_id)
        attempt = await load_attempt(tx, attempt_id) if attempt_id else None
    if state is None:
        return None
    found = await _sides(state, topology, connectors)
    return found | {"sent": await _sent(attempt, found, connectors) if attempt else None}


async def _sides(state: RecordState, topology: Topology, connectors: Mapping[str, Connector]) -> Facts:
    members = topology.flows[state.flow].members
    seen: dict[str, Facts] = {}
    shown: dict[str, Mapping[str, Any]] = {}
    for name, member in members.items():
        held = state.members.get(name, MemberState())
        seen[name], shown[name] = await _side(member, held, connectors[name])
    fields = [_field(state, field, members, shown) for field in state.fields]
    agree = all(side["agrees"] for field in fields for side in field["systems"].values())
    return {
        "record": state.id,
        "flow": state.flow,
        "members": seen,
        "fields": fields,
        "agree": agree and all(side["exists"] for side in seen.values()),
    }


async def _side(member: Member, held: MemberState, connector: Connector) -> tuple[Facts, Mapping[str, Any]]:
    """How the object is found now, and its mapped fields in the system's terms."""
    facts: Facts = {"id": held.id, "key": held.key, "exists": False, "error": None, "url": ""}
    if held.link is LinkState.NONE:
        return facts | {"error": "no object is linked"}, {}
    try:
        snapshot: Snapshot = await connector.read(Ref(object=member.object, id=held.id, key=held.key))
    except LockstepError as error:
        return facts | {"error": str(error), "exists": None}, {}
    if not snapshot.exists:
        return facts | {"error": "it is not there, or we may not see it"}, {}
    facts |= {"exists": True, "key": snapshot.key or held.key, "url": snapshot.url}
    return facts, member.mapping.read(snapshot.raw)


def _field(
    state: RecordState, name: str, members: Mapping[str, Member], shown: Mapping[str, Mapping[str, Any]]
) -> Facts:
    canon = state.fields[name].now
    systems = {}
    for connection, member in members.items():
        exts = shown[connection]
        if name not in member.mapping.fields or name not in exts:
            continue
        closed = not member.mapping.open(name, exts)
        systems[connection] = {
            "shows": exts[name],
            "agrees": closed or agrees(member, name, canon.value, exts[name]),
        }
    return {"field": name, "value": canon.value, "from": canon.source, "systems": systems}


async def _sent(attempt: Attempt, found: Facts, connectors: Mapping[str, Connector]) -> Facts:
    now = {field["field"]: field["systems"].get(attempt.connection, {}).get("shows") for field in found["fields"]}
    facts: Facts = {
        "attempt": attempt.id,
        "connection": attempt.connection,
        "kind": str(attempt.kind),
        "at": attempt.started_at,
        "fields": [
            {"field": name, "sent": sent.ext, "shows": now.get(name), "there": now.get(name) == sent.ext}
            for name, sent in attempt.fields.items()
        ],
        "comment": attempt.item.body if attempt.item else None,
        "objects": None,
    }
    connector = connectors[attempt.connection]
    if attempt.kind is WriteKind.CREATE and connector.specs[attempt.object].marker:
        try:
            hits = await connector.find(attempt.object, attempt.correlation)
        except LockstepError as error:
            return facts | {"error": str(error)}
        facts["objects"] = [hit.key or hit.id for hit in hits]
    return facts
