"""What stands beside the entries is believed only as far as a key that is trusted signed it."""

from __future__ import annotations

import pytest

from gateway.audit import judging
from gateway.audit.chain import ACCEPTED, BROKEN, KEY, Head
from gateway.audit.findings import Kind, Report
from gateway.audit.judging import Told, Trust
from gateway.audit.links import FIELDS, GENESIS, key_message
from gateway.audit.segments import Checker, Stretch
from gateway.core.signing import Signer
from gateway.storage.database import dumps

FORMER, NEW, STRANGER = (Signer(name * 32) for name in (b"f", b"n", b"s"))
LINK = "a" * 64


def told(voucher: str, **more: object) -> Told:
    said = {"key": NEW.fingerprint, "former": FORMER.fingerprint, "public": NEW.public, "from": 7, "voucher": voucher}
    return 7, 1_900_000_000.0, KEY, dumps(said | more)


def learned(entry: Told) -> tuple[Trust, Report]:
    trust, report = Trust(NEW.public), Report()
    trust.learn([entry], {each.fingerprint: each.public for each in (FORMER, NEW)}, report)
    return trust, report


def test_a_key_that_the_former_one_vouched_for_is_believed_and_so_is_what_that_one_signed() -> None:
    trust, report = learned(told(FORMER.sign(key_message(NEW.public, 7))))
    assert report.whole and report.notices == []
    assert trust.signed(FORMER.fingerprint, b"x", FORMER.sign(b"x"))


@pytest.mark.parametrize(
    "voucher",
    [
        STRANGER.sign(key_message(NEW.public, 7)),
        FORMER.sign(key_message(NEW.public, 8)),
        FORMER.sign(key_message(STRANGER.public, 7)),
        "no signature",
    ],
)
def test_a_key_that_nobody_vouched_for_is_a_finding(voucher: str) -> None:
    _, report = learned(told(voucher))
    (found,) = report.findings
    assert (found.kind, found.first, found.last) == (Kind.SIGNATURE, 7, 7)
    assert "did not vouch for" in found.text


def test_a_key_by_a_person_s_word_is_told_with_the_reason() -> None:
    _, report = learned(told("", why="the disk with the key broke"))
    assert report.whole and "by a person's word: the disk with the key broke" in report.notices[0]


def headed(found: Head | None, newest: int = 3, last: str | None = LINK) -> Report:
    report = Report()
    judging.head(found, newest, last, Trust(NEW.public), report)
    return report


def test_a_trail_that_has_no_entry_yet_lacks_nothing() -> None:
    assert headed(Head(0, GENESIS, "", ""), newest=0, last=None).whole
    assert headed(None, newest=0, last=None).whole


def test_the_head_has_to_be_signed_by_the_key_that_is_believed() -> None:
    assert headed(Head.signed(3, LINK, NEW)).whole
    (unsigned,) = headed(Head(3, LINK, "", "")).findings
    assert unsigned.text.endswith("is signed as the newest by nobody")
    (forged,) = headed(Head(3, LINK, NEW.fingerprint, STRANGER.sign(b"x"))).findings
    assert forged.text.endswith("is not signed as the newest by this key")
    (other,) = headed(Head.signed(3, LINK, STRANGER)).findings
    assert f"names the key {STRANGER.fingerprint[:16]}, and {NEW.fingerprint[:16]} is believed" in other.text


def test_the_head_is_that_of_the_newest_entry() -> None:
    (found,) = headed(Head.signed(3, LINK, NEW), last="b" * 64).findings
    assert found.kind is Kind.CHANGED and found.first == 3
    (lost,) = headed(None).findings
    assert "has lost the head" in lost.text


@pytest.mark.parametrize(("about", "whole"), [(5, True), (4, False)])
def test_what_the_gateway_found_is_a_finding_until_somebody_answers_for_that_entry(about: int, whole: bool) -> None:
    report = Report()
    broken = (5, 1_900_000_000.0, BROKEN, dumps({"why": "it was wound back"}))
    accepted = (9, 1_900_000_100.0, ACCEPTED, dumps({"entry": about, "why": "the restore of Monday"}))
    judging.tampered([broken, accepted], report)
    assert report.whole is whole
    assert ("answered for: the restore of Monday" in "".join(report.notices)) is whole


def test_a_place_that_was_there_and_one_that_is_no_number_are_entries_too_many() -> None:
    checker = Checker(Stretch(0, 2), GENESIS)
    places = [1, 1, "2", 2]
    width = 1 + len(FIELDS) + 3
    for place in places:
        row: list[object] = [""] * width
        row[1 + FIELDS.index("seq")], row[1 + FIELDS.index("id")] = place, f"au{place}"
        checker.take([row])
    found = checker.end()
    assert found.added == ["1 (au1)", "2 (au2)"] and found.missing == [] and found.entries == 2
