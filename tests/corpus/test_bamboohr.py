"""Every published payload of BambooHR and Workday is understood, or refused or passed over with a reason."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import orjson
import pytest

from connectors.contract.errors import CredentialsError, SignatureError
from connectors.contract.fields import TellsFields
from connectors.contract.values import ChangeKind, Ref
from tests.support.understood import SECRET, all_told, answering, load, mapped, received

AUTH = {"api_key": {"key": "k"}}
TABLE = {
    "faros.fields.json": "understood: the fields there are",
    "faros.user_details.json": "understood: an employee, read and mapped to a person",
    "http.custom-report-employees.json": "understood: who there is, those who left with them",
    "http.employee-401.json": "understood: the key is not accepted; the reason is in a header, the body empty",
    "http.employee-404.json": "understood: nobody there, once the key has proved good",
    "http.employee-files.json": "passed over: documents of an employee, which are no part of a person",
}
WORKDAY = {
    "raas.employee-full-report.json": "refused: no connector; a report's columns are the tenant's own, a connector "
    "file for it is a site's to write (`id: $.Emp_ID`, `list.pick: $.Report_Entry`)",
    "raas.idara-active-status.json": "refused: the same; one Employee_ID stands in it twice with different states, so "
    "no file can say which holds",
    "raas.personnel-sync-test.json": "refused: the same; a row without Employee_Number is no object",
    "raas.termination-audit.json": "refused: the same; it tells of events, not of people",
    "signon.event.json": "passed over: a sign-on, which changes nobody",
}


def test_every_file_is_told_of() -> None:
    all_told("bamboohr", TABLE)
    all_told("workday", WORKDAY)


async def test_an_employee_is_a_person() -> None:
    employee = load("bamboohr", "faros.user_details.json")
    connector = answering("bamboohr", employee, AUTH)
    snapshot = await connector.read(Ref(object="employee", id="109"))
    assert (snapshot.id, snapshot.key, snapshot.updated_at) == ("109", "10000000", 1653104176.0)
    person = mapped("bamboohr-employee", snapshot.raw)
    assert (person["name"], person["active"], person["ends"]) == ("yen hai", True, None), "0000-00-00 is no date"
    assert (person["email"], person["manager"]) == ("user33f1cf@example.com", "cameron@efficientoffice.com")


async def test_who_there_is_comes_from_the_report() -> None:
    connector = answering("bamboohr", load("bamboohr", "http.custom-report-employees.json"), AUTH)
    listed = await connector.ids("employee", None)  # type: ignore[attr-defined]
    assert [(each.id) for each in listed.listed] == ["4", "5", "6"]


async def test_a_dead_key_and_nobody_there() -> None:
    dead = answering("bamboohr", load("bamboohr", "http.employee-401.json"), AUTH)
    with pytest.raises(CredentialsError):
        await dead.read(Ref(object="employee", id="0"))
    nobody = answering("bamboohr", load("bamboohr", "http.employee-404.json"), AUTH)
    assert not (await nobody.read(Ref(object="employee", id="182372"))).exists


async def test_the_fields_there_are() -> None:
    connector = answering("bamboohr", load("bamboohr", "faros.fields.json"), AUTH)
    assert isinstance(connector, TellsFields)
    assert [(each.name, each.kind) for each in await connector.fields("employee")] == [
        ("customSecondaryLanguage1", "list"),
        ("customShirtsize", "list"),
    ], "a field without a name for programs cannot be asked for"


AT = 1658248023
SIGNED = {"x-bamboohr-timestamp": str(AT)}


def signed(body: Any) -> tuple[bytes, dict[str, str]]:
    raw = orjson.dumps(body)
    digest = hmac.new(SECRET.encode(), raw + str(AT).encode(), hashlib.sha256).hexdigest()
    return raw, {**SIGNED, "x-bamboohr-signature": digest}


def test_a_batch_of_monitored_fields_tells_of_each() -> None:
    """Facts 4.1: `action` may be missing."""
    batch = {"employees": [{"id": "5", "changedFields": ["First name"]}, {"id": "6", "action": "Deleted"}]}
    got = received(answering("bamboohr", {}, AUTH), *signed(batch), at=AT)
    told = [(each.kind, each.snapshot.id) for each in got.changes]
    assert told == [(ChangeKind.HINT, "5"), (ChangeKind.DELETED, "6")]


def test_the_time_follows_the_body_in_what_is_signed() -> None:
    """Guides that say `timestamp.body` are wrong (facts.md 4.1)."""
    body, headers = signed({"employees": [{"id": "5", "action": "Updated"}]})
    wrong = hmac.new(SECRET.encode(), f"{AT}.".encode() + body, hashlib.sha256).hexdigest()
    with pytest.raises(SignatureError):
        received(answering("bamboohr", {}, AUTH), body, {**headers, "x-bamboohr-signature": wrong}, at=AT)
    with pytest.raises(SignatureError):
        received(answering("bamboohr", {}, AUTH), body, headers, at=AT + 301)
