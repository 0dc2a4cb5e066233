"""The certificate of a departure, signed with the key of the audit trail. Right PEOPLE, with sight of all systems."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.access.rights import NotAllowed, Principal, Right
from gateway.audit.chain import read_head
from gateway.audit.keys import signer_for
from gateway.audit.links import GENESIS
from gateway.core.release import release
from gateway.keeping import holds
from gateway.offboarding import store
from gateway.offboarding import tables as t
from gateway.offboarding.certificate import Certificate, digest, moment, signed
from gateway.offboarding.proof import FileOf, exceptions_of, steps_of
from gateway.offboarding.telling import Teller
from gateway.offboarding.values import Event, Leaver, Place, parse_number
from gateway.sync import tables as sync
from gateway.work.leaver_errors import LeaverNotFound
from gateway.work.trail import note
from gateway.work.workplace import Workplace

EVENTS = {Event.LEAVER: "termination", Event.ABSENCE: "leave", Event.MOVER: "role_change"}


async def certify(place: Workplace, who: Principal, number: str) -> dict[str, Any]:
    """The signed document, as `gateway.offboarding.certificate.read` reads it; it says what is not over, too. Its
    position in the trail has every entry about the departure at or below it. Each one that is issued stands in the
    trail with its digest. Raises LeaverNotFound, NotAllowed, ConfigError without a key that signs.
    """
    who.require(Right.PEOPLE)
    parsed = parse_number(number)
    signer = signer_for(place.database)
    async with place.database.begin("leaver.certify") as tx:
        # Whoever tells of the departure takes its row until it is in the trail: what comes after is not in here.
        leaver = await store.take(tx, parsed) if parsed is not None else None
        if leaver is None:
            raise LeaverNotFound(number)
        certificate = await _certificate(tx, place, who, leaver)
        document = signed(certificate, signer)
        told: dict[str, Any] = {
            "sha256": digest(document),
            "position": certificate.audit_position,
            "key": signer.fingerprint,
        }
        teller = Teller(note, tx, place.now())
        await teller.say(leaver, "leaver_certified", "a certificate was issued", actor=who.name, **told)
    return document


async def draft(place: Workplace, who: Principal, number: str) -> tuple[Certificate, str]:
    """What a certificate would say now, and the fingerprint of the key that would sign it. Nothing is issued. Raises as
    `certify`.
    """
    who.require(Right.PEOPLE)
    parsed = parse_number(number)
    async with place.database.read() as tx:
        leaver = await store.get(tx, parsed) if parsed is not None else None
        if leaver is None:
            raise LeaverNotFound(number)
        return await _certificate(tx, place, who, leaver), signer_for(place.database).fingerprint


async def _certificate(tx: AsyncConnection, place: Workplace, who: Principal, leaver: Leaver) -> Certificate:
    places = await store.places_of(tx, [leaver.number])
    _sees_all(who, places)
    steps = await store.steps_of(tx, [leaver.number])
    evidence = await store.evidence_of(tx, leaver.number)
    head = await read_head(tx)
    person, ends = leaver.doc.person, [*(each.due_at for each in steps), *(each.due_at for each in places)]
    names = {"name": person.name, "email": person.email, "employee_number": person.employee_number}
    return Certificate(
        case=leaver.label,
        person={name: value for name, value in names.items() if value},
        event=EVENTS[leaver.kind],
        state=str(leaver.state),
        source=leaver.doc.source,
        effective=moment(leaver.ends_at),
        zone=leaver.doc.zone,
        deadline=moment(max(ends, default=leaver.ends_at)),
        steps=steps_of(places, steps, evidence, await _files(tx, leaver.number)),
        exceptions=(*exceptions_of(places, steps, evidence), *await _held(tx, leaver)),
        audit_position=head.seq if head else 0,
        audit_link=head.link if head else GENESIS,
        gateway=place.config.name,
        release=release(),
        issued=moment(place.now()),
        issued_by=who.name,
    )


async def _held(tx: AsyncConnection, leaver: Leaver) -> list[str]:
    """What is known of the person is not forgotten while a court may ask for it."""
    known = leaver.doc.person.records
    row = sync.record.c
    flows = {flow for (flow,) in await tx.execute(select(row.flow).where(row.id.in_(known)))} if known else set()
    found = await holds.over(tx, known, flows)
    return [f"legal hold {each.number} over {each.label}: what is known of the person is kept" for each in found]


def _sees_all(who: Principal, places: list[Place]) -> None:
    if hidden := [each for each in places if not who.covers(connection=each.connection)]:
        raise NotAllowed(Right.PEOPLE, f"all of its systems: {len(hidden)} lie outside of what you may see")


async def _files(tx: AsyncConnection, number: int) -> FileOf:
    row = t.leaver_file.c
    query = select(row.id, row.name, row.sha256).where(row.number == number)
    return {id: (name, sha256) for id, name, sha256 in await tx.execute(query)}
