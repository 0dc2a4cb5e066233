"""`siem:`: what it means, and every mistake with its place."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from gateway.config.notifications import Webhook
from gateway.config.siem import File, Hec, Syslog, Tls
from gateway.siem.entering import described
from tests.unit.gateway.config.support import ENV, GOOD, loaded, told

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()
SET = {**ENV, "HEC_TOKEN": "s3cret-of-splunk", "SOC_KEY": KEY}
FEEDING = """\
siem:
  host: lockstep-eu
  sinks:
    soc:
      syslog: {server: "siem.example.com:6514", ca: ca.pem}
      from: medium
    splunk:
      hec: {url: "https://splunk.example.com:8088/", token: "${HEC_TOKEN}"}
      form: cef
    hook: {webhook: {url: "https://soc.example.com/secret-path", secret: "${SOC_KEY}"}, since: beginning}
    disk: {file: {path: feed/x.log}, kinds: [token_created], spool: 10MB}
"""
FIRST = len(GOOD.splitlines())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text("a certificate")
    return tmp_path


def test_what_it_means(place: Path) -> None:
    found = loaded(place, GOOD + FEEDING, SET).siem
    assert found.host == "lockstep-eu"
    soc, splunk, hook, disk = found.sinks.values()
    tls = Tls("siem.example.com", str(place / "ca.pem"))
    assert soc.target == Syslog("siem.example.com", 6514, tls, 30.0)
    assert (soc.least, soc.form, soc.since, soc.personal) == (3, "ocsf", "now", False)
    assert isinstance(splunk.target, Hec)
    assert (splunk.target.url, splunk.target.sourcetype) == ("https://splunk.example.com:8088", "lockstep:cef")
    assert splunk.target.acknowledge
    assert hook.target == Webhook("https://soc.example.com/secret-path", (KEY,))
    assert disk.target == File(place / "feed/x.log", 100 << 20, 0)
    assert (set(disk.kinds), disk.spool) == ({"token_created"}, 10 << 20)


def test_without_it_nothing_is_fed(tmp_path: Path) -> None:
    assert loaded(tmp_path).siem.sinks == {}


def test_neither_printing_nor_the_trail_shows_a_key(place: Path) -> None:
    config = loaded(place, GOOD + FEEDING, SET)
    shown = repr(config) + "".join(repr(described(each)) for each in config.siem.sinks.values())
    for secret in (KEY, "s3cret-of-splunk", "secret-path"):
        assert secret not in shown


def test_the_page_shows_a_good_configuration(tmp_path: Path) -> None:
    page = Path(__file__).parents[4] / "docs" / "how-to" / "connect-a-siem.md"
    (block,) = re.findall(r"```yaml\n(siem:.*?)```", page.read_text(), flags=re.DOTALL)
    (tmp_path / "tls").mkdir()
    for name in ("siem-ca.pem", "lockstep.pem", "lockstep.key"):
        (tmp_path / "tls" / name).write_text("there")
    assert set(loaded(tmp_path, GOOD + block, SET).siem.sinks) == {"soc", "splunk", "hook", "disk"}


MISTAKES = [
    ('token: "${HEC_TOKEN}"', "token: hunter2", "error[secret-literal]: a secret does not belong in this file"),
    ("siem.example.com:6514", "siem.example.com", "this is not a collector and its port"),
    ("ca: ca.pem", "ca: gone.pem", "error[no-file]: there is no file gone.pem"),
    ("ca: ca.pem", "tls: false", "error[tls]: what is sent would be readable on its way"),
    ("ca: ca.pem", "certificate: ca.pem", "certificate and key go together"),
    ("https://splunk", "http://splunk", "error[https]: what is sent would be readable on its way"),
    ("since: beginning", "since: yesterday", "this is no time with a zone"),
    ("file: {path: feed/x.log}", "form: json", "a sink is one of the four"),
    ("from: medium", "from: loud", "'loud' is not a choice here"),
    ("spool: 10MB", "largest: 1KB", "greater than or equal to 4096"),
]


@pytest.mark.parametrize(("right", "wrong", "said"), MISTAKES, ids=[wrong for _, wrong, _ in MISTAKES])
def test_mistakes_are_told_with_their_place(place: Path, right: str, wrong: str, said: str) -> None:
    assert right in FEEDING
    problems = told(place, GOOD + FEEDING.replace(right, wrong), SET)
    assert any(said in each and int(each.split(":")[0]) > FIRST for each in problems), problems


def test_two_feeds_in_one_file_are_none(place: Path) -> None:
    more = FEEDING + "    other: {file: {path: feed/../feed/x.log}}\n"
    (problem,) = told(place, GOOD + more, SET)
    assert "error[shared-file]: disk writes to this file already" in problem
