"""RFC 5424 messages and octet counting, to the octet."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.siem.forms import syslog
from gateway.siem.forms.rendering import rendered
from gateway.siem.forms.sender import Form, Rendered, Sender
from gateway.siem.forms.times import iso
from tests.support.feed import SENDER, event

MESSAGE = re.compile(
    rb"<(\d{1,3})>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([!-~]{1,255}) ([!-~]{1,48}) - ([!-~]{1,32}) "
    rb'(\[[!-~]{1,32}( [!-<>-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")+\]) (.*)',
    re.DOTALL,
)
"""RFC 5424, 6: the header as its grammar has it."""


def test_a_message_to_the_octet() -> None:
    made = Rendered(body=b"{}", digest="d" * 64)
    chain = f'[lockstep@32473 sink="soc" number="1" previous="{"0" * 64}" digest="{"d" * 64}"]'
    expected = f"<107>1 2026-11-18T11:06:40.250Z gw1.example lockstep - token_created {chain} {{}}"
    assert syslog.message(event(), made, SENDER).decode() == expected
    assert syslog.framed(b"\xc3\xa9!") == b"3 \xc3\xa9!", "octets, not characters"


@pytest.mark.parametrize(
    ("severity", "facility", "priority"), [(1, "audit", 110), (2, "auth", 37), (3, "authpriv", 84), (5, "local7", 186)]
)
def test_priority_is_facility_and_severity(severity: int, facility: str, priority: int) -> None:
    made = syslog.message(event(severity=severity), Rendered(body=b"", digest="d"), SENDER, facility=facility)
    assert made.startswith(b"<%d>1 " % priority)


@settings(max_examples=60, deadline=None)
@given(
    host=st.text(max_size=300), kind=st.text(max_size=50), sink=st.text(max_size=20), form=st.sampled_from(list(Form))
)
def test_whatever_is_in_it_a_message_is_one(host: str, kind: str, sink: str, form: Form) -> None:
    sender, told = Sender(host=host, version="1"), event(kind, sink=sink)
    made = rendered(told, form, SENDER)
    found = syslog.message(told, made, sender)
    parts = MESSAGE.fullmatch(found)
    assert parts is not None, found
    assert parts[8] == made.body
    assert len(found) <= syslog.overhead(told, sender) + len(made.body)


def test_times_have_three_digits_whatever_they_are() -> None:
    assert [iso(each) for each in (0.0, 1.9996, 1_795_000_000.25)] == [
        "1970-01-01T00:00:00.000Z",
        "1970-01-01T00:00:02.000Z",
        "2026-11-18T11:06:40.250Z",
    ]
