"""Every published ServiceNow payload is understood, or refused with a reason."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
import respx

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import CredentialsError, MalformedError, MappingError
from connectors.contract.values import ChangeKind, Webhook
from connectors.rest import Answer, RestClient
from connectors.servicenow import answers, hooks, rows, table
from connectors.servicenow.bound import bound
from connectors.servicenow.connector import ServiceNow
from connectors.servicenow.settings import REFERENCES, ObjectOptions, ServiceNowOptions
from tests.support.shared import require_shared
from tests.support.understood import all_told, mapped
from tests.unit.connectors.clocks import SteppingClock

TABLE = {
    "approvals.approval-requests.json": "passed over: approvals, which no mapping reads",
    "approvals.approve.json": "passed over: the answer to an approval, which is never given from here",
    "approvals.request-1.json": "understood: a request, read and mapped to a request",
    "approvals.requested-items-1.json": "understood: a requested item, which points to its request",
    "approvals.user-not-found.json": "understood: nobody is found",
    "docs.Import-Set-GET-now-import-stagingTableName-sys-id-1.json": "refused: import sets are not used",
    "docs.Import-Set-POST-now-import-stagingTableName-1.json": "refused: import sets are not used",
    "docs.Import-Set-POST-now-import-stagingTableName-insertMultiple-1.json": "refused: import sets are not used",
    "docs.Table-GET-now-table-tableName-1.json": "understood: a list of problems, read as tasks are",
    "docs.Table-GET-now-table-tableName-sys-id-1.json": "understood: an incident, read and mapped to an incident",
    "docs.Table-POST-now-table-tableName-1.json": "understood: an incident that was made",
    "docs.Table-PUT-now-table-tableName-sys-id-1.json": "understood: an incident that was changed",
    "docs.chg-GET-sn-chg-rest-change-1.json": "understood: changes, with display and value in every cell",
    "docs.chg-GET-sn-chg-rest-change-change-sys-id-nextstates-1.json": "refused: no single record",
    "docs.chg-GET-sn-chg-rest-change-sys-id-1.json": "understood: a change, with display and value in every cell",
    "docs.chg-PATCH-sn-chg-rest-change-sys-id-1.json": "understood: a change that was changed",
    "docs.error-429-rate-limit.json": "understood: too many requests, with the reason",
    "http.auth-error-401.json": "understood: the sign-in is not accepted",
    "http.empty-result.json": "understood: an empty page",
    "http.single-record.json": "refused: no single record; it was asked for without sys_id",
    "http.sys_user.list.page1.json": "understood: people, each mapped to a person; a page of several",
    "http.sys_user_group.list.json": "understood: groups, each mapped to a group; the only page",
}
SINGLE = {
    *("approvals.approve.json", "approvals.request-1.json", "docs.Table-GET-now-table-tableName-sys-id-1.json"),
    *("docs.Table-POST-now-table-tableName-1.json", "docs.Table-PUT-now-table-tableName-sys-id-1.json"),
    *("docs.chg-GET-sn-chg-rest-change-sys-id-1.json", "docs.chg-PATCH-sn-chg-rest-change-sys-id-1.json"),
}
LISTS = {
    *("approvals.approval-requests.json", "approvals.requested-items-1.json", "approvals.user-not-found.json"),
    *("docs.Table-GET-now-table-tableName-1.json", "docs.chg-GET-sn-chg-rest-change-1.json"),
}
OTHER_APIS = {
    "docs.Import-Set-GET-now-import-stagingTableName-sys-id-1.json": "no single record",
    "docs.Import-Set-POST-now-import-stagingTableName-1.json": "no single record",
    "docs.Import-Set-POST-now-import-stagingTableName-insertMultiple-1.json": "no single record",
    "docs.chg-GET-sn-chg-rest-change-change-sys-id-nextstates-1.json": "no single record",
}
ERRORS = {"docs.error-429-rate-limit.json"}
EXCHANGES = {
    *("http.auth-error-401.json", "http.empty-result.json", "http.single-record.json"),
    *("http.sys_user.list.page1.json", "http.sys_user_group.list.json"),
}


def load(name: str) -> Any:
    return orjson.loads(require_shared("vendor", "fixtures", "servicenow", name).read_bytes())


def snapshot(row: Any) -> Any:
    return rows.to_snapshot(row, object="incident", references=REFERENCES, correlation_display="lockstep", us="")


def test_every_payload_has_its_line() -> None:
    all_told("servicenow", TABLE)
    assert set(TABLE) == {*SINGLE, *LISTS, *OTHER_APIS, *ERRORS, *EXCHANGES}


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_single_records(name: str) -> None:
    body = load(name)
    assert answers.one_row(body) == ""
    found = snapshot(body["result"])
    assert found.id
    assert all(isinstance(value, str | dict) for value in found.raw.values())


@pytest.mark.parametrize("name", sorted(LISTS))
def test_lists_of_records(name: str) -> None:
    body = load(name)
    assert answers.many_rows(body) == ""
    assert all(snapshot(row).id or row for row in body["result"])


@pytest.mark.parametrize("name", sorted(OTHER_APIS))
def test_answers_of_other_apis_are_not_taken_for_records(name: str) -> None:
    assert OTHER_APIS[name] in answers.one_row(load(name))


def row_of(table: str, row: Any) -> Any:
    """A row of one of the tables that are known by name."""
    return bound(table, ObjectOptions(), ServiceNowOptions(), us="", base="https://x.example").snapshot(row)


def test_recorded_people_are_persons() -> None:
    rows_shown = load("http.sys_user.list.page1.json")["response"]["body"]["result"]
    people = [row_of("sys_user", row) for row in rows_shown]
    assert [each.key for each in people] == [row["user_name"] for row in rows_shown]
    person = mapped("servicenow-user", people[0].raw)
    assert (person["user_name"], person["name"], person["active"]) == ("survey.user", "survey user", True)
    assert (person["given_name"], person["family_name"], person["title"]) == ("survey", "user", None)
    assert people[0].correlation is None, "the table has no column for our key"


def test_recorded_groups_are_groups() -> None:
    rows_shown = load("http.sys_user_group.list.json")["response"]["body"]["result"]
    groups = [row_of("sys_user_group", row) for row in rows_shown]
    assert [each.key for each in groups] == [row["name"] for row in rows_shown]
    group = mapped("servicenow-group", groups[0].raw)
    assert (group["name"], group["active"], group["manager"]) == ("Analytics Settings Managers", True, None)
    assert group["description"].strip() == "Group for all people who have the Analytics Admin role"
    with pytest.raises(MappingError):
        mapped("servicenow-group", groups[1].raw)  # a manager without a dot-walk is an id, not nobody


def test_a_request_and_what_was_asked_for() -> None:
    request = row_of("sc_request", load("approvals.request-1.json")["result"])
    assert mapped("servicenow-request", request.raw)["number"] == request.key == "REQ0010001"
    (item,) = (row_of("sc_req_item", row) for row in load("approvals.requested-items-1.json")["result"])
    assert item.raw["request"] == {"value": request.id}
    assert mapped("servicenow-req-item", item.raw)["summary"] == "Apple iPhone 6"


def test_the_documented_incident() -> None:
    found = snapshot(load("docs.Table-PUT-now-table-tableName-sys-id-1.json")["result"])
    assert (found.key, found.version, found.updated_at) == ("INC0000050", 7, 1453471957.0)
    assert found.raw["assignment_group"] == {"value": found.raw["assignment_group"]["value"]}, (
        "no dot-walk was asked for"
    )
    assert found.raw["priority"] == "1"


def test_a_change_with_display_and_value_in_every_cell() -> None:
    found = snapshot(load("docs.chg-GET-sn-chg-rest-change-sys-id-1.json")["result"])
    assert (found.key, found.raw["state"], found.raw["type"]) == ("CHG0000024", "3", "standard")
    assert found.updated_at == rows.parse_time("2015-07-06 18:59:27")


def test_the_rate_limit_error() -> None:
    answer = Answer(status=429, data=load("docs.error-429-rate-limit.json"))
    message, fields = answers.blame(answer)
    assert message == "Rate limit exceeded; Rate limit of 100 requests per hour for Table API exceeded"
    assert fields == {}


async def replay(name: str) -> Answer:
    recorded = load(name)
    response = recorded["response"]
    router = respx.MockRouter(assert_all_called=False)
    answer = httpx.Response(response["status"], headers=response["headers"], content=orjson.dumps(response["body"]))
    router.get().mock(return_value=answer)
    url = httpx.URL(recorded["request"]["url"])
    client = RestClient(
        ConnectionSettings(name="sn", connector="x", url=f"https://{url.host}", auth={"bearer": {"token": "t"}}),
        clock=SteppingClock(),
        transport=httpx.MockTransport(router.async_handler),
        vendor=answers.vendor_sign,
        blame=answers.blame,
    )
    return await client.read(url.raw_path.decode())


async def test_recorded_refusal_of_credentials() -> None:
    with pytest.raises(CredentialsError, match="User Not Authenticated; Required to provide Auth information"):
        await replay("http.auth-error-401.json")


@pytest.mark.parametrize(
    ("name", "count", "more"),
    [
        ("http.empty-result.json", 0, False),
        ("http.sys_user_group.list.json", None, False),
        ("http.sys_user.list.page1.json", None, True),
    ],
)
async def test_recorded_lists(name: str, count: int | None, more: bool) -> None:
    answer = await replay(name)
    assert answers.many_rows(answer.data) == ""
    found = answer.data["result"]
    assert count is None or len(found) == count
    assert table.has_more(answer, len(found), 500, 0) is more
    assert all(snapshot(row).id for row in found)


async def test_recorded_single_record() -> None:
    """Asked for without sys_id, so it is no record to us: the shape check says so."""
    answer = await replay("http.single-record.json")
    assert answers.one_row(answer.data) == "no single record under `result`"
    assert rows.text(answer.data["result"]["super_class"]) == "0052284e1802021076dae3f117ba1e3d"


@pytest.mark.parametrize("name", sorted({*SINGLE, *LISTS, *OTHER_APIS, *ERRORS, *EXCHANGES}))
def test_what_is_no_webhook_of_our_rule_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(MalformedError) as got:
        receive(load(name))
    assert got.value.code == "missing_field"


def receive(said: Any) -> Any:
    settings = ConnectionSettings(
        name="sn", connector="x", url="https://x.example", auth={"bearer": {"token": "t"}}, webhook_secret="s"
    )
    body = orjson.dumps(said)
    headers = {hooks.TIMESTAMP: "1000", hooks.SIGNATURE: hooks.sign("s", "1000", body)}
    connector = ServiceNow(settings, clock=SteppingClock())
    return connector.receive(Webhook(headers=headers, body=body, received_at=1000.0))


@pytest.mark.parametrize("name", sorted(SINGLE))
def test_a_documented_record_as_our_rule_would_send_it(name: str) -> None:
    record = load(name)["result"]
    sys_id = rows.text(record["sys_id"])
    said = {"id": "d1", "table": "incident", "operation": "update", "sys_id": sys_id, "record": record}
    (change,) = receive(said).changes
    assert (change.kind, change.delivery_key, change.snapshot.id) == (ChangeKind.HINT, "d1", sys_id)
    assert change.snapshot.partial, "without dot-walks it does not say all that a read would say"
