"""`notifications:`: what it means, and every mistake with its place."""

from __future__ import annotations

import base64
import re
from datetime import time
from pathlib import Path

import pytest

from gateway.config.notifications import EVENTS, LOG, Email, Rule, Webhook
from tests.unit.gateway.config.support import ENV, GOOD, loaded, told

KEY, OLD = ("whsec_" + base64.b64encode(sign * 32).decode() for sign in (b"k", b"o"))
SET = {**ENV, "OPS_HOOK": KEY, "OPS_OLD": OLD, "MAIL": "s3cret-of-mail", "SHORT": "whsec_c2hvcnQ=", "PLAIN": "x" * 40}
TELLING = """\
notifications:
  base: https://lockstep.example.com/
  channels:
    ops:
      webhook: {url: "https://hooks.example.com/x", secret: "${OPS_HOOK}"}
      fallback: duty
    duty:
      email: {to: [ops@example.com], from: l@example.com, server: "smtp.example.com:587", password: "${MAIL}"}
  rules:
    - {to: ops, events: [opened, sla_missed], connections: [jira], least_priority: high}
    - {to: duty, quiet: "22:00-06:00 Europe/Berlin"}
"""
FIRST = len(GOOD.splitlines())
"""Lines before `notifications:`."""


def at(line: int) -> int:
    return FIRST + line


def test_what_it_means(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD + TELLING, SET).notifications
    assert found.base == "https://lockstep.example.com"
    assert found.channels["ops"].target == Webhook("https://hooks.example.com/x", (KEY,))
    assert found.channels["ops"].fallback == "duty"
    mail = found.channels["duty"].target
    assert isinstance(mail, Email)
    assert (mail.host, mail.port, mail.tls, mail.to) == ("smtp.example.com", 587, "starttls", ("ops@example.com",))
    assert found.channels["duty"].fallback == found.channels[LOG].fallback == LOG
    first, second = found.rules
    assert first == Rule("ops", frozenset({"opened", "sla_missed"}), frozenset({"jira"}), None, "high")
    assert second.events == set(EVENTS)
    assert second.quiet is not None
    assert (second.quiet.since, second.quiet.until, second.quiet.zone.key) == (time(22), time(6), "Europe/Berlin")


def test_without_it_nobody_is_told_and_links_begin_with_the_address_people_open(tmp_path: Path) -> None:
    found = loaded(tmp_path, GOOD + "access: {url: https://people.example.com}\n").notifications
    assert (found.base, found.channels, found.rules) == ("https://people.example.com", {}, ())


def test_two_keys_while_one_is_replaced(tmp_path: Path) -> None:
    text = TELLING.replace('secret: "${OPS_HOOK}"', 'secret: "${OPS_HOOK}", former: "${OPS_OLD}"')
    target = loaded(tmp_path, GOOD + text, SET).notifications.channels["ops"].target
    assert isinstance(target, Webhook)
    assert target.secrets == (KEY, OLD)


def test_printing_it_shows_no_key(tmp_path: Path) -> None:
    shown = repr(loaded(tmp_path, GOOD + TELLING, SET))
    for secret in (KEY, "s3cret-of-mail", "hooks.example.com"):
        assert secret not in shown


def test_the_page_shows_a_good_configuration(tmp_path: Path) -> None:
    page = Path(__file__).parents[4] / "docs" / "how-to" / "be-told.md"
    (block,) = re.findall(r"```yaml\n(notifications:.*?)```", page.read_text(), flags=re.DOTALL)
    env = {**SET, "OPS_URL": "https://hooks.example.com/lockstep", "OPS_KEY": KEY}
    found = loaded(tmp_path, GOOD + block, env).notifications
    assert set(found.channels) == {"ops", "duty", LOG}
    assert len(found.rules) == 2


MISTAKES = [
    ('"${OPS_HOOK}"', "hunter2", f"{at(5)}:61: error[secret-literal]: a secret does not belong in this file"),
    ('"${OPS_HOOK}"', '"${SHORT}"', f"{at(5)}:61: error[webhook-secret]: this is no key of 24 to 64 bytes; try echo"),
    ('"${OPS_HOOK}"', '"${PLAIN}"', f"{at(5)}:61: error[webhook-secret]: this is no key of 24 to 64 bytes; try echo"),
    ('"${OPS_HOOK}"', '"${NOBODY}"', f"{at(5)}:61: error[env-missing]: the environment variable NOBODY is not set"),
    ("https://hooks", "ftp://hooks", f"{at(5)}:22: error[value]: this is not the address of a receiver; try https"),
    ("https://hooks", "http://hooks", f"{at(5)}:22: error[https]: what is told would be readable on its way; try"),
    (
        "      fallback: duty\n",
        "",
        f"{at(4)}:5: error[no-fallback]: nobody would be told if ops cannot be reached; try 'fallback: duty'",
    ),
    ("fallback: duty", "fallback: dty", f"{at(6)}:17: error[unknown-channel]: there is no other channel 'dty'; try "),
    ("fallback: duty", "fallback: ops", f"{at(6)}:17: error[unknown-channel]: there is no other channel 'ops'; try "),
    ("[ops@example.com]", "[nobody]", f"{at(8)}:20: error[value]: this is not a mail address; try ops@example.com"),
    (":587", "", f"{at(8)}:67: error[value]: this is not a mail server and its port; try smtp.example.com:587"),
    ("{to: ops,", "{to: opps,", f"{at(10)}:12: error[unknown-channel]: there is no channel 'opps'; try 'ops'"),
    ("[opened,", "[opend,", f"{at(10)}:26: error[choice]: 'opend' is not a choice here; try 'opened'"),
    ("[jira]", "[jra]", f"{at(10)}:61: error[unknown-connection]: there is no connection 'jra'; try 'jira'"),
    ("y: high", "y: urgent", f"{at(10)}:84: error[choice]: 'urgent' is not a choice here; try one of: low, normal"),
    ("Europe/Berlin", "Berlin", f"{at(11)}:25: error[value]: these are no hours of a day in a time zone; try"),
]


@pytest.mark.parametrize(("before", "after", "problem"), MISTAKES, ids=[each[2].split(": ")[1] for each in MISTAKES])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, before: str, after: str, problem: str) -> None:
    assert TELLING.count(before) == 1
    problems = told(tmp_path, GOOD + TELLING.replace(before, after), SET)
    assert [each[: len(problem)] for each in problems] == [problem]


def test_the_log_needs_no_channel(tmp_path: Path) -> None:
    text = TELLING.replace("    duty:\n", "    log:\n").replace("fallback: duty", "fallback: log")
    assert told(tmp_path, GOOD + text.replace("to: duty", "to: log"), SET) == [
        f"{at(7)}:5: error[channel-name]: the channel log is there already; try another name"
    ]


def test_channels_without_a_rule_tell_nobody(tmp_path: Path) -> None:
    text = TELLING.partition("  rules:")[0]
    assert told(tmp_path, GOOD + text, SET) == [
        f"{at(3)}:3: error[no-rule]: nothing is told without a rule; try 'rules: [{{to: ops}}]'"
    ]


def test_a_receiver_of_your_own_may_be_without_tls(tmp_path: Path) -> None:
    text = TELLING.replace("https://hooks.example.com", "http://hooks.internal")
    access = "access: {internal: [hooks.internal, 10.0.0.0/8]}\n"
    assert told(tmp_path, GOOD + access + text, SET) == []
    text = TELLING.replace("https://hooks.example.com", "http://10.2.3.4:8000")
    assert told(tmp_path, GOOD + access + text, SET) == []
