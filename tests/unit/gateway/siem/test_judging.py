"""The verifier names exactly what was done to a feed at the receiver."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.siem.forms.rendering import rendered
from gateway.siem.forms.sender import Form
from gateway.siem.verifier.ed25519 import is_signed
from gateway.siem.verifier.judging import Bounds, Keys, Verdict
from gateway.siem.verifier.telling import Result, Wish, verified
from tests.support.feed import SENDER, SIGNER, START, Feed, event, feed_of, ranges, stored

KEYS = Keys([b64decode(SIGNER.public)], is_signed)
COUNT = 60
FEEDS = {form: feed_of(COUNT, form) for form in Form}
FORMS = st.sampled_from(list(Form))
INNER = st.integers(1, COUNT - 2)
"""Places of lines that are not the last: that one alone says how far the feed goes."""
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stored")


def judge(place: Path, *files: list[bytes], keys: Keys = KEYS, **wish: object) -> Result:
    names = []
    for number, lines in enumerate(files):
        path = place / f"{number}.log"
        path.write_bytes(stored(lines))
        names.append(str(path))
    return verified(Wish(names, **wish), keys, START + COUNT + 5)  # type: ignore[arg-type]


def only(result: Result) -> Verdict:
    assert len(result.verdicts) == 1
    return result.verdicts[0]


def named(verdict: Verdict) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for each in verdict.findings:
        found.setdefault(each.what, []).append((each.first, each.last))
    return {what: sorted(spans) for what, spans in found.items()}


@pytest.mark.parametrize("form", list(Form))
def test_an_untouched_feed_is_complete_and_proved_to_its_end(place: Path, form: Form) -> None:
    result = judge(place, FEEDS[form].lines)
    assert (result.code, result.others, only(result).findings) == (0, 0, [])
    assert only(result).proved == [(1, COUNT)]
    assert only(result).heartbeat == COUNT
    assert only(result).heartbeat_ms == round((START + COUNT) * 1000)


@some
@given(form=FORMS, gone=st.sets(INNER, min_size=1, max_size=20))
def test_missing_lines_are_named(place: Path, form: Form, gone: set[int]) -> None:
    result = judge(place, [line for at, line in enumerate(FEEDS[form].lines) if at not in gone])
    assert named(only(result)) == {"missing": ranges([at + 1 for at in gone])}
    assert result.code == 1


@some
@given(form=FORMS, at=INNER, data=st.data())
def test_any_altered_octet_is_named(place: Path, form: Form, at: int, data: st.DataObject) -> None:
    lines = list(FEEDS[form].lines)
    spot = data.draw(st.integers(0, len(lines[at]) - 1))
    octet = data.draw(st.sampled_from([each for each in b'a0Z ,}"^|=\\\xff' if each != lines[at][spot]]))
    lines[at] = lines[at][:spot] + bytes([octet]) + lines[at][spot + 1 :]
    result = judge(place, lines)
    # Where the octets that say what the line is are hit, it is no line of ours any more, and so the event is missing.
    assert named(only(result)) in ({"altered": [(at + 1, at + 1)]}, {"missing": [(at + 1, at + 1)]})
    assert result.code == 1


@some
@given(form=FORMS, pair=st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=2, unique=True))
def test_exchanged_lines_are_named(place: Path, form: Form, pair: list[int]) -> None:
    lines = list(FEEDS[form].lines)
    lines[pair[0]], lines[pair[1]] = lines[pair[1]], lines[pair[0]]
    result = judge(place, lines)
    assert named(only(result)) == {"reordered": ranges([at + 1 for at in pair])}
    assert only(result).proved == [(1, COUNT)]


@some
@given(form=FORMS, at=st.integers(0, COUNT - 1), to=st.integers(0, COUNT))
def test_doubled_lines_are_named_and_harmless(place: Path, form: Form, at: int, to: int) -> None:
    lines = list(FEEDS[form].lines)
    lines.insert(max(to, at + 1), lines[at])
    result = judge(place, lines)
    assert (named(only(result)), result.code) == ({"doubled": [(at + 1, at + 1)]}, 0)


@some
@given(
    form=FORMS,
    fates=st.lists(st.sampled_from(["kept", "kept", "missing", "altered", "doubled"]), min_size=COUNT, max_size=COUNT),
)
def test_all_at_once_is_told_apart(place: Path, form: Form, fates: list[str]) -> None:
    fates[-1] = "kept"
    lines = []
    for line, fate in zip(FEEDS[form].lines, fates, strict=True):
        lines += {
            "kept": [line],
            "missing": [],
            "altered": [line.replace(b"gw1.example", b"gw2.example")],
            "doubled": [line, line],
        }[fate]
    expected = {
        fate: spans
        for fate in ("missing", "altered", "doubled")
        if (spans := ranges([number for number, each in enumerate(fates, 1) if each == fate]))
    }
    verdict = only(judge(place, lines))
    assert named(verdict) == expected
    fine = {number for first, last in verdict.proved for number in range(first, last + 1)}
    assert fine <= {number for number, each in enumerate(fates, 1) if each in ("kept", "doubled")}


@some
@given(form=FORMS, at=INNER)
def test_an_event_that_was_altered_with_its_digest_is_foreign(place: Path, form: Form, at: int) -> None:
    feed = FEEDS[form]
    other = msgspec.structs.replace(feed.events[at], text="Nothing happened.")
    lines = list(feed.lines)
    lines[at] = rendered(other, form, SENDER).body
    assert named(only(judge(place, lines))) == {"foreign": [(at + 1, at + 1)]}
    # Beside the true one it is known by its id.
    both = only(judge(place, [*feed.lines[: at + 1], lines[at], *feed.lines[at + 1 :]]))
    assert [(each.what, each.first, each.last) for each in both.findings] == [("foreign", at + 1, at + 1)]
    assert "has the id of the true one" in both.findings[0].why
    assert both.proved == [(1, COUNT)]


@pytest.mark.parametrize("form", list(Form))
def test_a_feed_that_was_made_anew_from_some_place_on_does_not_verify(place: Path, form: Form) -> None:
    feed, forged = FEEDS[form], Feed(form)
    for each in feed.events[:35]:
        forged._send(each)
    forged.add(*(event(text="harmless") for _ in range(20)))
    forged.signer = type(SIGNER)(bytes(32))
    forged.beat()
    result = judge(place, forged.lines)
    assert named(only(result)) == {"signature": [(56, 56)]}
    assert "another key" in only(result).findings[0].why
    assert only(result).proved == [(1, 30)], "up to the last true signature"


def test_a_signature_of_something_else_is_none(place: Path) -> None:
    feed = Feed()
    feed.add(event())
    feed.beat()
    beat = feed.events[-1]
    told = {**beat.detail, "position": 99}
    line = rendered(msgspec.structs.replace(beat, detail=told), Form.JSON, SENDER).body
    result = judge(place, [feed.lines[0], line])
    assert [each.why for each in only(result).findings] == ["its signature is not of this event"]
    assert only(result).proved == []


def test_without_a_key_nothing_is_proved_but_it_holds_together(place: Path) -> None:
    result = judge(place, FEEDS[Form.CEF].lines, keys=Keys([], is_signed))
    assert (only(result).proved, only(result).chained) == ([], [(1, COUNT)])


def test_what_came_after_the_last_signature_is_not_proved(place: Path) -> None:
    result = judge(place, FEEDS[Form.OCSF].lines[:35])
    assert (only(result).proved, only(result).last, result.code) == ([(1, 30)], 35, 0)


def test_files_may_come_in_any_order_and_overlap(place: Path) -> None:
    lines = FEEDS[Form.ECS].lines
    result = judge(place, lines[40:], lines[:15], lines[10:40])
    assert (named(only(result)), result.code) == ({"doubled": [(11, 15)]}, 0)


def test_feeds_do_not_answer_for_each_other(place: Path) -> None:
    other = feed_of(20, Form.JSON, sink="audit-lake")
    mixed = [*FEEDS[Form.JSON].lines[:20], *other.lines[:7], *FEEDS[Form.JSON].lines[20:], *other.lines[8:]]
    lake, soc = judge(place, mixed).verdicts
    assert (lake.sink, named(lake), soc.sink, named(soc)) == ("audit-lake", {"missing": [(8, 8)]}, "soc", {})
    assert judge(place, mixed, sink="soc").code == 0


def test_what_was_cut_off_at_either_end_shows_where_the_ends_are_known(place: Path) -> None:
    lines = FEEDS[Form.LEEF].lines[9:49]
    assert named(only(judge(place, lines))) == {"missing": [(1, 9)]}
    assert judge(place, lines, bounds=Bounds(10)).code == 0
    assert only(judge(place, lines, bounds=Bounds(10))).proved_to == 40
    assert named(only(judge(place, lines, bounds=Bounds(10, COUNT)))) == {"missing": [(50, COUNT)]}


def test_a_heartbeat_may_be_too_old(place: Path) -> None:
    assert judge(place, FEEDS[Form.JSON].lines, max_age_s=10.0).code == 0
    assert judge(place, FEEDS[Form.JSON].lines[:-1], max_age_s=10.0).stale == ["soc"]


def test_a_moved_block_is_named_by_what_was_moved(place: Path) -> None:
    lines = FEEDS[Form.JSON].lines
    result = judge(place, [*lines[:10], *lines[13:50], *lines[10:13], *lines[50:]])
    assert named(only(result)) == {"reordered": [(11, 13)]}


def test_an_altered_number_or_feed_is_told_by_what_the_event_links_to(place: Path) -> None:
    for was, now in ((b'"number":17', b'"number":70017'), (b'"sink":"soc"', b'"sink":"other"')):
        lines = list(FEEDS[Form.JSON].lines)
        lines[16] = lines[16].replace(was, now)
        assert named(only(judge(place, lines))) == {"altered": [(17, 17)]}


def test_a_name_that_stands_twice_is_an_alteration(place: Path) -> None:
    lines = list(FEEDS[Form.JSON].lines)
    lines[16] = lines[16].replace(b'"actor":"ines"', b'"actor":"olaf","actor":"ines"')
    assert json.loads(lines[16])["actor"] == "ines", "most parsers see nothing"
    assert named(only(judge(place, lines))) == {"altered": [(17, 17)]}


def test_a_summary_that_does_not_fit_its_events_is_named(place: Path) -> None:
    feed = FEEDS[Form.JSON]
    at = next(at for at, each in enumerate(feed.events) if each.kind == "siem_segment")
    forged = Feed()
    for each in feed.events[:at]:
        forged._send(each)
    forged._send(msgspec.structs.replace(feed.events[at], detail={**feed.events[at].detail, "digest": "0" * 64}))
    assert "it sums up other events" in [each.why for each in only(judge(place, forged.lines)).findings]
