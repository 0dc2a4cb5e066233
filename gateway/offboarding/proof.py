"""What the rows of a departure prove, as steps of a certificate. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.offboarding.certificate import BY_HAND, GONE, NOT_APPLICABLE, CertifiedStep, Check, moment
from gateway.offboarding.store import canonical, digest_of
from gateway.offboarding.telling import GATEWAY
from gateway.offboarding.values import Evidence, EvidenceKind, Place, Step, StepState, SystemState

FileOf = Mapping[str, tuple[str, str]]
"""Id of a file -> its name and SHA-256."""
SYSTEM = "system"
"""Kind of a step that is about a whole system: there was nothing to take away, or nobody knows yet."""
STATES: Mapping[StepState, str] = {
    StepState.GONE: GONE,
    StepState.DONE: BY_HAND,
    StepState.NONE: NOT_APPLICABLE,
    StepState.HAND: "waits for somebody to do it by hand",
}
_OF_ALL = frozenset({EvidenceKind.HOLDINGS, EvidenceKind.CHECK})


def steps_of(
    places: Sequence[Place], steps: Sequence[Step], evidence: Sequence[Evidence], files: FileOf
) -> tuple[CertifiedStep, ...]:
    """All steps, and one for each system that has none."""
    found = []
    for place in places:
        mine = [each for each in steps if each.connection == place.connection]
        there = [each for each in evidence if each.connection == place.connection and genuine(each)]
        found += [_step(each, there, files) for each in mine]
        if not mine or place.state in LOOKING:
            found.append(_system(place, there))
    return tuple(found)


LOOKING: Mapping[SystemState, str] = {
    SystemState.FIND: "the account was not looked for yet",
    SystemState.READ: "what the account has was not read yet",
    SystemState.WHICH: "it is not decided which account is the person's",
}


def genuine(evidence: Evidence) -> bool:
    """It is what it was when it was kept."""
    return digest_of(canonical(evidence.content)) == evidence.digest


def exceptions_of(places: Sequence[Place], steps: Sequence[Step], evidence: Sequence[Evidence]) -> tuple[str, ...]:
    """What stays on purpose, what could not be seen or was not looked at, and evidence that is not what it was."""
    stays = [
        f"{each.connection}: {each.kind} {each.name} stays: {each.doc.why}"
        for each in steps
        if each.state is StepState.NONE
    ]
    unseen = [
        f"{place.connection}: {kind} cannot be seen there: {why}"
        for place in places
        for kind, why in sorted(place.doc.unseen.items())
    ]
    with_steps = {each.connection for each in steps}
    untouched = [
        f"{place.connection}: access there is not ended by the gateway, and nobody was asked to end it"
        for place in places
        if place.state is SystemState.OVER and place.connection not in with_steps and not place.doc.settled_at
    ]
    spoilt = [f"the evidence {each.id} is not what it was, and was left out" for each in evidence if not genuine(each)]
    return (*stays, *unseen, *untouched, *spoilt)


def _step(step: Step, evidence: Sequence[Evidence], files: FileOf) -> CertifiedStep:
    said, showed, digest = _by_hand(step, evidence, files)
    return CertifiedStep(
        id=step.id,
        connection=step.connection,
        kind=step.kind,
        name=step.name,
        privileged=step.privileged,
        state=STATES.get(step.state, str(step.state)),
        due=moment(step.due_at),
        ended=moment(step.gone_at),
        by=said or (GATEWAY if step.state is StepState.GONE else ""),
        evidence=showed,
        evidence_sha256=digest,
        to=step.doc.to,
        checks=tuple(_checks(step, evidence)),
    )


def _by_hand(step: Step, evidence: Sequence[Evidence], files: FileOf) -> tuple[str, str, str]:
    """Who said so, with what, and its digest."""
    if step.state is not StepState.DONE or step.doc.done is None:
        return "", "", ""
    name, digest = files.get(step.doc.file, ("", ""))
    said = [each for each in evidence if each.kind is EvidenceKind.BY_HAND and each.step == step.id]
    shown = "; ".join(each for each in (step.doc.done.reason, name) if each)
    return step.doc.done.by, shown, digest or (said[-1].digest if said else "")


def _checks(step: Step, evidence: Sequence[Evidence]) -> list[Check]:
    """Every look at it, in order: before it ended, right after, and later."""
    found = []
    for each in evidence:
        there = _there(step, each)
        if there is not None:
            found.append(Check(at=moment(each.at), found=there, sha256=each.digest))
    return found


def _there(step: Step, evidence: Evidence) -> bool | None:
    """Whether it is in what was shown; None: this shows nothing of it."""
    if step.doc.grant is None:
        return None
    if evidence.kind is EvidenceKind.READ and evidence.step == step.id:
        return _shows(evidence.content, step)
    if evidence.kind not in _OF_ALL:
        return None
    shown = [each["holdings"] for each in evidence.content if each["account"]["id"] == step.account]
    looks = [each for one in shown if (each := _shows(one, step)) is not None]
    return any(looks) if looks else None


def _shows(holdings: Mapping[str, Any], step: Step) -> bool | None:
    """None: of its kind less was shown than when it was seen, so that its absence tells nothing."""
    if any((each["kind"], each["id"]) == (step.kind, step.grant_id) for each in holdings["grants"]):
        return True
    why = holdings["unseen"].get(step.kind, "") if holdings["account"] is not None else ""
    return False if why in ("", step.doc.unseen) else None


def _system(place: Place, evidence: Sequence[Evidence]) -> CertifiedStep:
    """Of a system without steps: that there is no account is proved by having looked for one."""
    looks = [each for each in evidence if each.kind in (EvidenceKind.ACCOUNTS, *_OF_ALL)]
    looked = bool(looks) and place.state not in LOOKING
    return CertifiedStep(
        id=f"{place.connection}:{SYSTEM}",
        connection=place.connection,
        kind=SYSTEM,
        name=place.connection,
        privileged=place.privileged,
        state=LOOKING.get(place.state, NOT_APPLICABLE),
        due=moment(place.due_at),
        ended=moment(looks[0].at) if looked else "",
        by=GATEWAY if looked else "",
        checks=tuple(Check(at=moment(each.at), found=False, sha256=each.digest) for each in looks if looked),
    )
