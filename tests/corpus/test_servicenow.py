"""Every published ServiceNow payload is understood, or refused with a reason."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest
import respx

from connectors.contract.connector import ConnectionSettings
from connectors.contract.errors import CredentialsError, MalformedError
from connectors.contract.values import ChangeKind, Webhook
from connectors.rest import Answer, RestClient
from connectors.servicenow import answers, hooks, rows, table
from connectors.servicenow.connector import ServiceNow
from connectors.servicenow.settings import REFERENCES
from tests.support.shared import corpus_files, require_shared
from tests.unit.connectors.clocks import SteppingClock

FILES = {path.name: path for path in corpus_files("vendor", "fixtures", "servicenow")}

# Each file of the corpus has one line here: adding a file without saying what becomes of it fails.
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
    require_shared("vendor", "fixtures", "servicenow")
    assert set(FILES) == {*SINGLE, *LISTS, *OTHER_APIS, *ERRORS, *EXCHANGES}


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
