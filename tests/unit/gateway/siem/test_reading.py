"""What receivers keep is read in every shape in which they keep it."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.siem.forms import syslog
from gateway.siem.forms.sender import Form
from gateway.siem.verifier.ed25519 import is_signed
from gateway.siem.verifier.judging import Keys
from gateway.siem.verifier.telling import Result, Wish, verified
from tests.support.feed import SENDER, SIGNER, START, Feed, feed_of, stored

KEYS = Keys([b64decode(SIGNER.public)], is_signed)
COUNT = 40
FEEDS = {form: feed_of(COUNT, form) for form in Form}


def messages(feed: Feed) -> list[bytes]:
    return [syslog.message(event, made, SENDER) for event, made in zip(feed.events, feed.sent, strict=True)]


def traditional(feed: Feed) -> bytes:
    """rsyslog's RSYSLOG_TraditionalFileFormat: the header in old dress, without the structured data."""
    return stored(b"Nov 22 07:20:26 gw1 lockstep " + each for each in feed.lines)


def forwarded(feed: Feed) -> bytes:
    """rsyslog's RSYSLOG_FileFormat."""
    return stored(b"2026-11-22T07:20:26.123456+01:00 gw1 lockstep - " + each for each in feed.lines)


def as_json(feed: Feed) -> bytes:
    """A template with `jsonf`, as for Elasticsearch or Loki."""
    told = ({"@timestamp": "2026-11-22T07:20:26Z", "host": "gw1", "msg": f" {each.decode()}"} for each in feed.lines)
    return stored(json.dumps(each).encode() for each in told)


def splunk(feed: Feed) -> bytes:
    """`splunk search ... -output json`, newest first, as Splunk answers."""
    told = ({"preview": False, "result": {"_raw": each.decode(), "_time": "1"}} for each in feed.lines)
    return stored(json.dumps(each).encode() for each in told)


def collector(feed: Feed) -> bytes:
    """What goes to Splunk's event collector: objects one after another, without anything between."""
    return b"".join(json.dumps({"time": 1.5, "event": json.loads(each)}).encode() for each in feed.lines)


def elastic(feed: Feed) -> bytes:
    """Sources as Elasticsearch gives them, parsed and written anew, names in another order."""
    hits = [{"_id": "x", "_source": dict(sorted(json.loads(each).items()))} for each in feed.lines]
    return json.dumps({"hits": {"total": {"value": len(hits)}, "hits": hits}}, indent=2, ensure_ascii=False).encode()


def listed(feed: Feed) -> bytes:
    return json.dumps([json.loads(each) for each in feed.lines], indent=1).encode()


SHAPES: dict[str, Callable[[Feed], bytes]] = {
    "lines": lambda feed: stored(feed.lines),
    "lines with carriage returns": lambda feed: b"".join(each + b"\r\n" for each in feed.lines),
    "syslog lines": lambda feed: stored(messages(feed)),
    "octet-counted": lambda feed: b"".join(map(syslog.framed, messages(feed))),
    "octet-counted, in lines": lambda feed: stored(map(syslog.framed, messages(feed))),
    "rsyslog, traditional": traditional,
    "rsyslog, file format": forwarded,
    "rsyslog, JSON": as_json,
    "Splunk export": splunk,
    "gzipped": lambda feed: gzip.compress(stored(feed.lines)),
    "gzipped twice over": lambda feed: gzip.compress(stored(feed.lines[:9])) + gzip.compress(stored(feed.lines[9:])),
}
OBJECTS = {"event collector": collector, "Elasticsearch": elastic, "a list": listed}


def judge(path: Path, *more: Path, **wish: object) -> Result:
    return verified(Wish([str(each) for each in (path, *more)], **wish), KEYS, START + COUNT)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("shape", SHAPES)
def test_every_form_in_every_shape(tmp_path: Path, form: Form, shape: str) -> None:
    path = tmp_path / "stored"
    path.write_bytes(SHAPES[shape](FEEDS[form]))
    result = judge(path)
    assert (result.code, result.others, result.verdicts[0].proved) == (0, 0, [(1, COUNT)]), result.verdicts


@pytest.mark.parametrize("form", [Form.JSON, Form.OCSF, Form.ECS])
@pytest.mark.parametrize("shape", OBJECTS)
def test_what_was_stored_parsed_still_proves(tmp_path: Path, form: Form, shape: str) -> None:
    path = tmp_path / "stored"
    path.write_bytes(OBJECTS[shape](FEEDS[form]))
    result = judge(path)
    assert (result.code, result.verdicts[0].proved) == (0, [(1, COUNT)]), result.verdicts


def test_names_that_the_receiver_adds_are_left_out_on_request(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    added = [{**json.loads(each), "@version": "1", "agent": {"id": "7"}} for each in FEEDS[Form.ECS].lines]
    path.write_bytes(stored(json.dumps(each).encode() for each in added))
    assert judge(path).code == 1
    assert judge(path, ignored=("@version", "agent")).code == 0


def test_lines_of_others_are_counted_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    noise = [
        b"<34>1 2026-11-22T07:20:26Z web1 nginx 12 - - GET / 200",
        b'{"event": {"kind": "alert"}}',
        b"CEF:0|Other|Box|",
    ]
    path.write_bytes(stored([*noise, *FEEDS[Form.CEF].lines, *noise, b""]))
    result = judge(path)
    assert (result.code, result.others) == (0, 6)


def test_a_stream_that_lost_octets_goes_on_with_the_next_message(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    stream = b"".join(map(syslog.framed, messages(FEEDS[Form.JSON])))
    at = stream.index(b'"number":21,')
    path.write_bytes(stream[:at] + stream[at + 40 :])
    found = [(each.what, each.first, each.last) for each in judge(path).verdicts[0].findings]
    assert found == [("altered", 21, 21)], "its header says which it was"


@pytest.mark.parametrize("form", list(Form))
def test_an_event_that_the_receiver_cut_off_is_not_taken_for_a_line_of_others(tmp_path: Path, form: Form) -> None:
    path = tmp_path / "stored"
    lines, whole = list(FEEDS[form].lines), messages(FEEDS[form])
    path.write_bytes(stored([*lines[:6], lines[6][:-90], *lines[7:]]))
    result = judge(path)
    assert (result.code, result.others, result.broken) == (1, 0, [(0, 7)])
    path.write_bytes(stored([*whole[:-1], whole[-1][:-90]]))
    result = judge(path)
    found = [(each.what, each.first, each.why) for each in result.verdicts[0].findings]
    assert found == [("altered", COUNT, "it cannot be read; cut off, perhaps")], "its header says which it was"
    path.write_bytes(stored([lines[3][:-90]]))
    assert judge(path).code == 1


def test_structured_data_that_says_something_else_is_an_alteration(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    lines = messages(FEEDS[Form.JSON])
    lines[6] = lines[6].replace(b' number="7" ', b' number="8" ')
    path.write_bytes(stored(lines))
    found = [(each.what, each.first, each.last) for each in judge(path).verdicts[0].findings]
    assert found == [("altered", 7, 7)]


def test_text_behind_an_event_is_an_alteration(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    for form in Form:
        lines = list(FEEDS[form].lines)
        lines[6] += b" (approved by the board)"
        path.write_bytes(stored(lines))
        assert [(each.what, each.first) for each in judge(path).verdicts[0].findings] == [("altered", 7)], form


def test_a_broken_archive_is_unreadable_and_what_it_gave_counts(tmp_path: Path) -> None:
    whole, broken = tmp_path / "a.gz", tmp_path / "b.gz"
    whole.write_bytes(gzip.compress(stored(FEEDS[Form.JSON].lines)))
    broken.write_bytes(whole.read_bytes()[:-20])
    assert judge(whole).code == 0
    result = judge(broken)
    assert result.code == 2
    assert "b.gz" in result.failed[0]
    assert result.verdicts[0].events > 0
    assert judge(whole, tmp_path / "none").code == 2


def test_files_without_any_event_prove_nothing(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.write_bytes(b"nothing of ours\n")
    assert judge(path).code == 2
    path.write_bytes(b"")
    assert judge(path).code == 2
