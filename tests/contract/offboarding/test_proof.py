"""A certificate says what was seen, what was said, and what is not over; and no byte of it can be another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
from sqlalchemy import select, update

from connectors.contract.access import Grant, GrantKind
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.audit.keys import signer_for
from gateway.audit.tables import audit
from gateway.cli.exits import Code
from gateway.cli.main import main
from gateway.offboarding import tables as t
from gateway.offboarding.certificate import Statement, as_file, digest, read
from gateway.work import keeping, leaver_proof, leaver_telling, leavers
from gateway.work import leaver_acts as acts
from gateway.work.leaver_telling import LeaverWish
from gateway.work.workplace import Workplace
from tests.contract.offboarding.people import VIEWER, WATCH, ann, refused
from tests.support.leaving import DAY, House


async def certified(place: Workplace) -> Statement:
    return read(as_file(await leaver_proof.certify(place, WATCH, "LV-1")))


async def test_it_can_be_had_at_any_time_and_says_what_is_not_over(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home, last_day="2030-01-01"))
    found = await certified(place)
    assert found.signed and found.certificate.state == "planned"
    assert "wiki: system wiki has not ended (the account was not looked for yet)" in found.problems
    assert any(each.startswith("badge: hand badge has not ended") for each in found.problems)


async def test_it_names_the_legal_holds_that_keep_what_is_known(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home, last_day="2030-01-01"))
    assert not any("legal hold" in each for each in (await certified(place)).certificate.exceptions)
    admin = Principal(id="user:adm", name="adm", roles=frozenset({Role.ADMIN}))
    first = await keeping.add_hold(place, admin, "all", reason="claim 7")
    await keeping.add_hold(place, admin, "flow", "people", reason="another flow of nobody's")
    told = (await certified(place)).certificate.exceptions
    assert [each for each in told if "legal hold" in each] == [
        f"legal hold {first.number} over everything: what is known of the person is kept"
    ]
    await keeping.release_hold(place, admin, first.number, reason="settled")
    assert not any("legal hold" in each for each in (await certified(place)).certificate.exceptions)
    with pytest.raises(keeping.KeepingRefused, match="FO-9999"):
        await keeping.add_hold(place, admin, "case", "FO-9999", reason="claim 8")


async def test_all_of_a_departure_is_proved_by_what_was_read(home: House, place: Workplace) -> None:
    wish = ann(home)
    home.systems["wiki"].unseen = {GrantKind.TOKEN: "only an admin's session shows them"}
    await leaver_telling.tell_leaver(place, WATCH, wish)
    await home.run(60)
    badge = next(each for each in (await leavers.get_leaver(place, WATCH, "1")).steps if each.kind == "hand")
    await acts.done_by_hand(place, WATCH, "1", badge.id, note_text="it is here", file_name="b.txt", content=b"seen")
    await home.run(DAY + 600)
    found = await certified(place)
    one, steps = found.certificate, {f"{each.connection}/{each.kind}": each for each in found.certificate.steps}
    assert found.signed and found.problems == () and found.fingerprint == signer_for(home.database).fingerprint
    group, hand, shop = steps["wiki/group"], steps["badge/hand"], steps["shop/system"]
    assert [each.found for each in group.checks] == [True, False, False, False] and group.by == "lockstep"
    assert (hand.state, hand.by, hand.evidence) == ("by_hand", "eve", "it is here; b.txt") and hand.evidence_sha256
    assert shop.state == "not_applicable" and shop.checks and not any(each.found for each in shop.checks)
    assert one.deadline == max(each.due for each in one.steps) == hand.due > group.due
    assert one.exceptions == ("wiki: token cannot be seen there: only an admin's session shows them",)
    async with place.database.read() as tx:
        kept = {row.digest for row in await tx.execute(select(t.leaver_evidence))}
    assert {each.sha256 for step in one.steps for each in step.checks} <= kept


async def test_it_stands_in_the_trail_at_the_place_that_it_names(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    document = await leaver_proof.certify(place, WATCH, "LV-1")
    async with place.database.read() as tx:
        rows = (await tx.execute(select(audit).order_by(audit.c.seq))).mappings().all()
    at, last = rows[document["audit_position"] - 1], rows[-1]
    assert (at["seq"], at["link"]) == (document["audit_position"], document["audit_link"])
    assert last["kind"] == "leaver_certified" and last["seq"] == at["seq"] + 1 and last["actor"] == "eve"
    assert orjson.loads(last["detail"])["sha256"] == digest(document)


async def test_evidence_that_is_not_what_it_was_proves_nothing(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    async with place.database.begin() as tx:
        mine = t.leaver_evidence.c.connection == "wiki"
        await tx.execute(update(t.leaver_evidence).where(mine).values(content='[{"account":null}]'))
    found = await certified(place)
    assert "wiki: group staff is said to be gone, and nobody looked" in found.problems
    assert any("is not what it was" in each for each in found.certificate.exceptions)


async def test_what_was_out_of_sight_is_no_proof(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    await home.run(60)
    home.systems["wiki"].hidden = {GrantKind.GROUP: "its groups may not be read any more"}
    home.systems["wiki"].grants["a1"].append(Grant(kind=GrantKind.GROUP, id="staff", name="staff"))
    await home.run(2 * 3600)
    found = await certified(place)
    steps = {f"{each.connection}/{each.kind}": each for each in found.certificate.steps}
    # The check saw that the account is off, and of the groups nothing: it is no look at them.
    assert len(steps["wiki/account"].checks) == len(steps["wiki/group"].checks) + 1
    assert "wiki: group cannot be seen there: its groups may not be read any more" in found.certificate.exceptions


async def test_who_may_not_see_all_of_it_certifies_nothing(home: House, place: Workplace) -> None:
    await leaver_telling.tell_leaver(place, WATCH, ann(home))
    partly = msgspec.structs.replace(WATCH, connections=frozenset({"wiki"}))
    for who in (VIEWER, partly):
        with pytest.raises(NotAllowed):
            await leaver_proof.certify(place, who, "LV-1")
    assert await refused(leaver_proof.certify(place, WATCH, "LV-9")) == "leaver.not_found"


Command = Callable[..., tuple[int, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """`lockstep leaver verify`: its code, and all that it says."""

    def run(*words: str) -> tuple[int, str]:
        code: Any = 0
        try:
            main(["leaver", "verify", *words])
        except SystemExit as ending:
            code = ending.code or 0
        return int(code), "".join(capsys.readouterr())

    return run


@pytest.fixture
async def files(home: House, place: Workplace, tmp_path: Path) -> Sequence[Path]:
    """Of a departure that is over, and of the same before its last step."""
    await leaver_telling.tell_leaver(place, WATCH, LeaverWish(person="ann@example.com", reason="HR said so"))
    await home.run(60)
    early, whole = tmp_path / "early.json", tmp_path / "whole.json"
    early.write_bytes(as_file(await leaver_proof.certify(place, WATCH, "LV-1")))
    badge = next(iter((await leavers.get_leaver(place, WATCH, "1")).steps))
    await acts.done_by_hand(place, WATCH, "1", badge.id, note_text="it is here")
    whole.write_bytes(as_file(await leaver_proof.certify(place, WATCH, "LV-1")))
    return early, whole


def test_verify_needs_no_gateway(
    files: Sequence[Path], home: House, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    early, whole = files
    signer = signer_for(home.database)
    code, said = command(str(whole))
    assert code == Code.DONE and f"published (lockstep audit key), or give it with --key: {signer.fingerprint}" in said
    published = tmp_path / "key.txt"
    published.write_text(f"public {signer.public}\n")
    for key in (signer.fingerprint, signer.public, str(published)):
        assert command(str(whole), "--key", key)[0] == Code.DONE
    code, said = command(str(whole), "--key", "a" * 64)
    assert code == Code.NOT_WHOLE and "NOT the key you trust" in said
    assert command(str(whole), "--key", "nonsense")[0] == Code.WRONG_USE
    code, said = command(str(early), "--key", signer.fingerprint)
    assert code == Code.SOME_FAILED and "NOT PROVED: badge: hand badge has not ended" in said


def test_verify_finds_one_byte(files: Sequence[Path], command: Command, tmp_path: Path) -> None:
    changed = tmp_path / "changed.json"
    document = files[1].read_bytes()
    for at in (0, document.index(b"badge"), document.index(b'"value"') + 12, document.index(b"\n", 300)):
        changed.write_bytes(document[:at] + bytes([document[at] ^ 1]) + document[at + 1 :])
        assert command(str(changed))[0] == Code.NOT_WHOLE, at
