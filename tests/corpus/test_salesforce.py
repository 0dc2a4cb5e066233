"""Every published payload of Salesforce is understood, or refused or passed over with a reason."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.connector import ListsIds
from connectors.contract.errors import CredentialsError, SignatureError
from connectors.contract.limits import TellsAllowance
from connectors.contract.values import ChangeKind, Received, Ref
from tests.support.understood import SECRET, all_told, answering, load, received

SYSTEM = "salesforce"
SESSION = {"bearer": {"token": "session"}}
CLIENT = {"oauth2_client_credentials": {"client_id": "id", "client_secret": "secret"}}
TABLE = {
    "cdc.appflow-eventbridge-account-update.json": "understood: an account changed, told by EventBridge",
    "cdc.pubsub-account-update.json": "understood: an account changed, told by the Pub/Sub API; unchanged fields are "
    "null there, so it is read and not taken for a state",
    "http.oauth-token-refresh.json": "understood: a session, without an end",
    "http.query-Profile.json": "passed over: profiles are rights, which are not synchronised; no record reads them",
    "http.query-User.json": "understood: users, and what is used of the day's limit",
    "http.query-UserRole.json": "passed over: roles are rights, which are not synchronised; no record reads them",
    "http.session-401.json": "understood: the session has ended; signed in anew once, else the credential is dead",
}


def test_every_file_is_told_of() -> None:
    all_told(SYSTEM, TABLE)


def told(body: Any, token: str = SECRET) -> Received:
    headers = {"x-lockstep-token": token}
    return received(answering(SYSTEM, {}, SESSION), orjson.dumps(body), headers, at=1.0)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("cdc.appflow-eventbridge-account-update.json", "0016g00000MLhLeAAL"),
        ("cdc.pubsub-account-update.json", "0014H00002LbR7QQAV"),
    ],
)
def test_a_change_event_is_a_hint_known_by_its_transaction(name: str, id: str) -> None:
    event = load(SYSTEM, name)
    (change,) = told(event).changes
    assert (change.kind, change.snapshot.object, change.snapshot.id) == (ChangeKind.HINT, "account", id)
    assert [each.delivery_key for each in told([event]).changes] == [change.delivery_key], "alone or in a batch"
    header = (event.get("detail") or event["payload"])["ChangeEventHeader"]
    assert header["transactionKey"] in change.delivery_key
    header["sequenceNumber"] = 2
    assert told(event).changes[0].delivery_key != change.delivery_key
    with pytest.raises(SignatureError):
        told(event, token="other")


@pytest.mark.parametrize(
    ("change", "ids", "wanted"),
    [
        ("DELETE", ["0014H00002LbR7QQAV"], ChangeKind.DELETED),
        ("UNDELETE", ["0014H00002LbR7QQAV"], ChangeKind.HINT),
        ("GAP_UPDATE", ["0014H00002LbR7QQAV", "0016g00000MLhLeAAL"], ChangeKind.HINT),
        ("GAP_OVERFLOW", ["001*"], None),
    ],
)
def test_other_change_types_of_the_recorded_event(change: str, ids: list[str], wanted: ChangeKind | None) -> None:
    """A gap has no fields, so its objects are read; an overflow names no object, and polls find what changed."""
    event = load(SYSTEM, "cdc.pubsub-account-update.json")
    event["payload"]["ChangeEventHeader"] |= {"changeType": change, "recordIds": ids}
    got = told(event)
    assert [(each.kind, each.snapshot.id) for each in got.changes] == ([(wanted, id) for id in ids] if wanted else [])
    assert bool(got.ignored) == (wanted is None)


async def test_recorded_users_are_listed_and_the_limit_is_learned() -> None:
    recorded = load(SYSTEM, "http.query-User.json")
    connector = answering(SYSTEM, recorded, SESSION)
    assert isinstance(connector, ListsIds) and isinstance(connector, TellsAllowance)
    listed = (await connector.ids("user", None)).listed
    rows = recorded["response"]["body"]["records"]
    assert [(each.id, each.key) for each in listed] == [(row["Id"], row["Username"]) for row in rows]
    assert all(each.updated_at for each in listed), "2023-04-28T17:39:37.000+0000 is a time"
    used, limit = recorded["response"]["headers"]["sforce-limit-info"].removeprefix("api-usage=").split("/")
    assert (connector.allowance().limit, connector.allowance().remaining) == (int(limit), int(limit) - int(used))


async def test_a_session_that_ended_is_replaced_once_and_then_the_credential_is_dead() -> None:
    """With the recorded answers, the token's included."""
    ended, given = load(SYSTEM, "http.session-401.json")["response"], load(SYSTEM, "http.oauth-token-refresh.json")
    asked: list[str] = []

    def answer(request: httpx.Request) -> Any:
        asked.append(request.url.path)
        if request.url.path == "/services/oauth2/token":
            return given
        if len(asked) > 2:
            return httpx.Response(200, json={"records": [{"Id": "0014H00002LbR7QQAV", "Name": "Acme"}]})
        return httpx.Response(ended["status"], headers=ended["headers"], json=ended["body"])

    ref = Ref(object="account", id="0014H00002LbR7QQAV")
    assert (await answering(SYSTEM, answer, CLIENT).read(ref)).raw["Name"] == "Acme"
    assert [path.rpartition("/")[2] for path in asked] == ["token", "query", "token", "query"]
    with pytest.raises(CredentialsError):
        await answering(SYSTEM, load(SYSTEM, "http.session-401.json"), SESSION).read(ref)
