"""One person who leaves: each step with its proof, what people decide, the statement and the certificate."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from connectors.contract.errors import InputError
from gateway.console.downloads import file
from gateway.console.frame import Asked, Misunderstood, moment_of
from gateway.console.leavers import local
from gateway.console.rendering import path
from gateway.core.digits import number_in
from gateway.offboarding.allowed import BY_HAND
from gateway.offboarding.certificate import as_file, unproved
from gateway.offboarding.values import WORDS
from gateway.work import leaver_acts as acts
from gateway.work import leaver_proof
from gateway.work.leaver_errors import LeaverMoved
from gateway.work.leaver_files import read_file
from gateway.work.leaver_telling import LeaverWish, tell_leaver
from gateway.work.leaver_views import LeaverDetail, LeaverProof, LeaverStep
from gateway.work.leavers import get_leaver, leaver_evidence

LENGTHS: Mapping[str, tuple[str, float]] = {
    "1d": ("1 day", 86_400.0),
    "3d": ("3 days", 3 * 86_400.0),
    "7d": ("7 days", 7 * 86_400.0),
    "30d": ("30 days", 30 * 86_400.0),
}
OPEN_BY_HAND = frozenset(WORDS[state] for state in BY_HAND)
ANSWERS: Mapping[str, str] = {
    "rehired": "The person is hired again: lift the tombstones",
    "goes-on": "It goes on as it is",
    "another-person": "It is somebody else: go on",
    "withdraw": "Withdraw it",
}


async def person(asked: Asked) -> web.StreamResponse:
    """`/leavers/{number}`."""
    found = await get_leaver(asked.desk.place, asked.who, asked.request.match_info["number"])
    one = found.leaver
    return asked.page(
        "leaver.html",
        here="leavers",
        one=one,
        found=found,
        due=local(one.due_at, one.zone),
        ends=local(one.ends_at, one.zone),
        systems=[_system(found, cell.connection) for cell in one.systems],
        by_hand=[each for each in found.steps if each.state in OPEN_BY_HAND],
        choices=_choices(found),
        answers=[(each, ANSWERS[each]) for each in (one.choices or ("rehired",)) if each in ANSWERS],
        lengths=LENGTHS,
        moved="moved" in asked.request.query,
        history=found.history[::-1],
    )


def _system(found: LeaverDetail, connection: str) -> dict[str, Any]:
    proofs = [each for each in found.evidence if each.connection == connection]
    return {
        "cell": next(each for each in found.leaver.systems if each.connection == connection),
        "accounts": [each for each in found.accounts if each.connection == connection and each.by],
        "steps": [(each, _proof(each, proofs)) for each in found.steps if each.connection == connection],
        "unseen": found.unseen.get(connection, {}),
        "proofs": proofs,
    }


def _proof(step: LeaverStep, proofs: list[LeaverProof]) -> LeaverProof | None:
    """The newest that shows how it ended: what was read back, or later of the whole account; or what somebody said."""
    if step.gone_at is None:
        return None
    own = [each for each in proofs if each.step == step.id and each.kind in ("read", "by_hand")]
    whole = [each for each in proofs if not each.step and each.kind in ("check", "holdings")]
    later = [each for each in whole if each.at >= step.gone_at and step.said_at is None]
    return max([*own, *later], key=lambda each: each.at, default=None)


def _choices(found: LeaverDetail) -> dict[str, list[Any]]:
    """System that asks -> accounts that could be the person's."""
    asking = [each.connection for each in found.leaver.systems if each.state == "which"]
    return {each: [one for one in found.accounts if one.connection == each and not one.by] for each in asking}


async def statement(asked: Asked) -> web.StreamResponse:
    """`/leavers/{number}/statement`: what a certificate would say now, to be printed. Nothing is issued by it."""
    one, key = await leaver_proof.draft(asked.desk.place, asked.who, asked.request.match_info["number"])
    return asked.page("leaver_statement.html", here="leavers", one=one, key=key, problems=unproved(one))


async def certificate(asked: Asked) -> web.StreamResponse:
    """`/leavers/{number}/certificate`: the signed document, as a file."""
    if asked.request.method != "GET":  # whoever only asks whether it is there gets none issued
        return web.Response(content_type="application/json")
    document = await leaver_proof.certify(asked.desk.place, asked.who, asked.request.match_info["number"])
    name = f"lockstep-{document['case'].lower()}-certificate.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=as_file(document), content_type="application/json", headers=headers)


async def evidence(asked: Asked) -> web.StreamResponse:
    """`/leavers/{number}/evidence/{id}`: what was sent, read or said, whole, as a file."""
    number, id = (asked.request.match_info[name] for name in ("number", "id"))
    found = await leaver_evidence(asked.desk.place, asked.who, number, id)
    return file(f"lockstep-{number.lower()}-{id}.json", msgspec.json.format(msgspec.json.encode(found), indent=2))


async def handed_in(asked: Asked) -> web.StreamResponse:
    """`/leavers/{number}/files/{id}`: what shows that a step was done by hand. A HEAD is no look at it."""
    if asked.request.method != "GET":
        return web.Response(content_type="application/octet-stream")
    number, id = (asked.request.match_info[name] for name in ("number", "id"))
    found = await read_file(asked.desk.place, asked.who, number, id)
    return file(found.name, found.content)


async def act(asked: Asked) -> web.StreamResponse:
    """`POST /leavers/{number}/act`: one act, on the version that the page showed."""
    number, what = asked.request.match_info["number"], asked.field("act")
    here = path("leavers", number)
    if what not in ACTS:
        raise Misunderstood("no such act")
    version = number_in(asked.field("version"), longest=9)
    if version is None:
        raise Misunderstood("the form does not say which version of the departure it showed; load the page again")
    try:
        said = await ACTS[what](asked, number, version)
    except InputError as error:
        if error.status == 404:
            raise
        moved = "?moved=1" if error.status == 412 else ""
        return asked.back(here + moved, f"Not done: {error}", tone="warn")
    return asked.back(here, said)


async def _hold(asked: Asked, number: str, version: int) -> str:
    until = moment_of(asked.field("until")) if asked.field("until") else _length(asked)
    reason = asked.field("reason")
    await acts.hold_leaver(asked.desk.place, asked.who, number, until=until, reason=reason, expected=version)
    return f"{number} is held. Nothing more is taken away until then."


def _length(asked: Asked) -> float:
    if asked.field("for") not in LENGTHS:
        raise Misunderstood("a hold needs an end")
    return asked.now + LENGTHS[asked.field("for")][1]


async def _release(asked: Asked, number: str, version: int) -> str:
    await acts.release_leaver(asked.desk.place, asked.who, number, reason=asked.field("reason"), expected=version)
    return f"{number} goes on."


async def _cancel(asked: Asked, number: str, version: int) -> str:
    await acts.cancel_leaver(asked.desk.place, asked.who, number, reason=asked.field("reason"), expected=version)
    return f"{number} is withdrawn."


async def _recheck(asked: Asked, number: str, version: int) -> str:
    where = asked.field("system")
    await acts.recheck_leaver(asked.desk.place, asked.who, number, connection=where, expected=version)
    return f"{number} is looked at again{f' in {where}' if where else ''}."


async def _which(asked: Asked, number: str, version: int) -> str:
    sent = asked.fields("account")
    if not sent and not asked.field("none"):
        raise Misunderstood("tick the accounts that are the person's, or that none is")
    await acts.choose_account(
        asked.desk.place,
        asked.who,
        number,
        connection=asked.field("system"),
        accounts=sent,
        reason=asked.field("reason"),
        expected=version,
    )
    return f"The accounts of {number} in {asked.field('system')} are chosen."


async def _answer(asked: Asked, number: str, version: int) -> str:
    answer, reason = asked.field("answer"), asked.field("reason")
    await acts.answer_leaver(asked.desk.place, asked.who, number, answer=answer, reason=reason, expected=version)
    return f"{number} is answered: {answer}."


async def _done(asked: Asked, number: str, version: int) -> str:
    sent = asked.sent.get("file")
    there = sent if isinstance(sent, web.FileField) and sent.filename else None
    await acts.done_by_hand(
        asked.desk.place,
        asked.who,
        number,
        asked.field("step"),
        note_text=asked.field("note"),
        file_name=there.filename if there else "",
        content=there.file.read() if there else b"",
        expected=version,
    )
    return "Said to be done. Where it can be read, it is read back now."


async def _urgent(asked: Asked, number: str, version: int) -> str:
    found = await get_leaver(asked.desk.place, asked.who, number)
    if version and version != found.leaver.version:
        raise LeaverMoved(found.leaver.label, found.leaver.version)
    known = [*found.person.get("records", ()), *(found.person.get(name, "") for name in _NAMES)]
    wish = LeaverWish(person=next(each for each in known if each), reason=asked.field("reason"), urgent=True)
    await tell_leaver(asked.desk.place, asked.who, wish)
    return f"{number}: access ends now, before all others."


_NAMES = ("employee_number", "email", "user_name")
ACTS: Mapping[str, Callable[[Asked, str, int], Awaitable[str]]] = {
    "hold": _hold,
    "release": _release,
    "cancel": _cancel,
    "recheck": _recheck,
    "which": _which,
    "answer": _answer,
    "done": _done,
    "urgent": _urgent,
}
