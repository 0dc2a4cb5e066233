"""Reasons, links, files and the guide: what people add to a case, and what they are told."""

from __future__ import annotations

from typing import Any

import pytest

from dead_letter import guide
from dead_letter.attachments import MOST_NAME, media_type_of, safe_name
from dead_letter.classify import Cause
from dead_letter.grouping import parts_of
from dead_letter.links import links_of, web_address
from dead_letter.reasons import OTHER, codes_of, reason_of
from dead_letter.values import CaseClass, CaseState, Step
from dead_letter.work import WorkName, work_for
from tests.support.cases import NOW, case


def step(action: str, choice: str = "", at: float = NOW, **more: Any) -> Step:
    return Step(
        at=at, name="worked", version=1, state=CaseState.OPEN, actor="ann", action=action, choice=choice, **more
    )


@pytest.mark.parametrize("cls", list(CaseClass))
def test_every_class_has_reasons_of_its_own_and_the_other_one(cls: CaseClass) -> None:
    codes = codes_of(cls)
    assert len(codes) > 4 and list(codes)[-1] == OTHER


def test_a_code_says_its_words_and_a_text_is_another_reason() -> None:
    assert reason_of(CaseClass.MAPPING, "test_data", "") == ("test_data", "it is test data", "")
    assert reason_of(CaseClass.MAPPING, "test_data", "from the drill") == ("test_data", "from the drill", "")
    assert reason_of(CaseClass.MAPPING, "", "as agreed") == (OTHER, "as agreed", "")
    assert reason_of(CaseClass.MAPPING, "", "  ") == ("", "", "")


@pytest.mark.parametrize(("code", "text"), [("merged", "x"), (OTHER, " "), ("no such", "")])
def test_a_code_of_another_class_or_without_words_is_refused(code: str, text: str) -> None:
    assert reason_of(CaseClass.MAPPING, code, text)[2]


@pytest.mark.parametrize("url", ["https://bugs.example/1?a=b#c", "http://[::1]:8080/x"])
def test_addresses(url: str) -> None:
    assert web_address(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//bugs.example/1",
        "https://user:secret@bugs.example/",
        "https://",
        "https://a b/",
        "https://a\nb/",
        "https://[half",
        "https://a:99999/",
        "",
        "https://a/" + "x" * 2000,
    ],
)
def test_what_no_browser_should_be_sent_to(url: str) -> None:
    assert web_address(url) == ""


def test_links_are_what_was_linked_and_not_removed() -> None:
    said = [step("link", "https://a/"), step("link", "https://b/"), step("comment"), step("unlink", "https://a/")]
    assert [each.choice for each in links_of(said)] == ["https://b/"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\log file.csv", "log file.csv"),
        (".htaccess", "htaccess"),
        ("a\r\nContent-Type: x.txt", "a_Content-Type_ x.txt"),
        ('"><script>.png', "_script_.png"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("", "file"),
        ("...", "file"),
    ],
)
def test_names_are_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_ending() -> None:
    assert safe_name("x" * 300 + ".json").endswith(".json") and len(safe_name("x" * 300 + ".json")) <= MOST_NAME


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n...", "image/png"),
        ("a.txt", b"\x89PNG\r\n\x1a\n...", "image/png"),  # by content, not by name
        ("a.pdf", b"%PDF-1.7", "application/pdf"),
        ("a.csv", b"a,b", "text/csv"),
        ("a.log", "grün".encode(), "text/plain"),
        ("a.html", b"plain words", "text/plain"),
        ("a.txt", b" <!DOCTYPE html><script>", ""),
        ("a.svg", b"<svg onload=1>", ""),
        ("a.exe", b"MZ\x00\x01", ""),
        ("a.txt", b"\xff\xfe\x00", ""),
        ("a.txt", b"\xe4 latin", ""),
    ],
)
def test_files_are_what_their_content_is(name: str, content: bytes, kind: str) -> None:
    assert media_type_of(name, content) == kind


def test_a_fingerprint_is_told_in_parts() -> None:
    assert parts_of("value.unknown connection=jira field=status value=in review=x") == [
        ("cause", "value.unknown"),
        ("connection", "jira"),
        ("field", "status"),
        ("value", "in review=x"),
    ]
    assert parts_of("odd one") == [("cause", "odd one")]


def test_the_way_out_of_an_unknown_outcome() -> None:
    unknown = case(Cause.OUTCOME_UNKNOWN, evidence={"settles_at": NOW + 60, "looks": 2})
    todo = guide.steps(unknown, [], now=NOW)
    assert [(each.name, each.done) for each in todo] == [
        ("look", False),
        ("settle", False),
        ("look_again", False),
        ("declare", False),
    ]
    early = [step("look")]
    assert [each.done for each in guide.steps(unknown, early, now=NOW + 61)] == [True, True, False, False]
    late = [*early, step("look", at=NOW + 70)]
    assert [each.done for each in guide.steps(unknown, late, now=NOW + 71)] == [True, True, True, False]
    assert guide.steps(case(), [], now=NOW) == []


def test_the_verdict_says_what_is_not_known() -> None:
    known, unknown = guide.verdict(case(Cause.OUTCOME_UNKNOWN, evidence={"settles_at": NOW + 60, "looks": 2}))
    assert known.endswith(".") and "2 times" in unknown and "proves nothing before" in unknown
    assert guide.verdict(case())[1] == ""
    closed = case(state=CaseState.CLOSED, ending="done_by_hand", closed_by="ann", reason="merged", closed_at=NOW)
    assert guide.verdict(closed)[1] == "It ended as done by hand, by ann: merged."


def test_every_work_action_is_allowed_or_says_why_not() -> None:
    for state in CaseState:
        for owner in ("", "ann", "bob"):
            found = work_for(case(state=state, owner=owner, ending="obsolete"), "ann")
            assert [each.name for each in found] == list(WorkName)
            assert all(each.allowed == (not each.why_not) for each in found)
            assert state is not CaseState.CLOSED or not any(each.allowed for each in found)
