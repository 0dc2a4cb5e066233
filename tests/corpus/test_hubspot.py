"""Every published payload of HubSpot is understood, or refused or passed over with a reason."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import httpx
import orjson
import pytest

from connectors.contract.connector import ListsIds
from connectors.contract.errors import Refused, SignatureError
from connectors.contract.values import ChangeKind, Received, Write, WriteKind
from tests.support.understood import SECRET, all_told, answering, load, mapped, received

SYSTEM = "hubspot"
AUTH = {"bearer": {"token": "pat"}}
BATCH_READ = "passed over: a batch read with history, which is never asked for"
OWNERS = "passed over: owners; a ticket shows its owner by id, and nobody's address is looked up"
ASSOCIATED = "passed over: associations between objects are not synchronised"
TABLE = {
    "docs.-reference_error-handling-1.json": "understood: a refusal, with its reason",
    "docs.-reference_error-handling-3.json": "understood: a batch with a part refused (207)",
    "docs.companies_guide-1.json": "understood: properties of a company, mapped to an organisation",
    "docs.companies_guide-2.json": "understood: the same; its associations are left alone",
    "docs.companies_guide-3.json": BATCH_READ,
    "docs.companies_guide-4.json": "understood: properties of a company, mapped to an organisation",
    "docs.contacts_guide-1.json": "understood: properties of a contact, mapped to a person",
    "docs.contacts_guide-3.json": "understood: a page of contacts",
    "docs.contacts_guide-4.json": "understood: properties of a contact, mapped to a person",
    "docs.crm-associations-v4_guide-3.json": ASSOCIATED,
    "docs.crm-associations-v4_guide-4.json": ASSOCIATED,
    "docs.crm_search-the-crm-1.json": "passed over: a search by a part of a text, which is never asked for",
    "docs.crm_search-the-crm-2.json": "understood: a page of a search for contacts",
    "docs.crm_search-the-crm-3.json": "passed over: a search by revenue, which is never asked for",
    "docs.crm_search-the-crm-4.json": "understood: a page of a search for companies",
    "docs.crm_using-object-apis-1.json": "passed over: a meeting, which is no record of the file",
    "docs.crm_using-object-apis-2.json": "passed over: objects of another type (0-420); a copy of the file reads them",
    "docs.crm_using-object-apis-5.json": "passed over: a batch create without keys, which nothing would prove",
    "docs.deals_guide-1.json": "understood: properties of a deal, mapped to a deal",
    "docs.deals_guide-3.json": BATCH_READ,
    "docs.deals_guide-5.json": "understood: properties of a deal, mapped to a deal",
    "docs.owners_guide-1.json": OWNERS,
    "docs.owners_guide-2.json": OWNERS,
    "docs.pipelines_guide-2.json": "understood: a refusal, with its reason",
    "docs.pipelines_guide-3.json": "passed over: stages of pipelines are an administrator's",
    "docs.pipelines_guide-4.json": "passed over: the audit of pipelines",
    "docs.properties_sensitive-data-2.json": "passed over: making a property is an administrator's",
    "docs.properties_sensitive-data-5.json": "understood: a contact changed; the value REDACTED is never taken for one",
    "docs.tickets_guide-1.json": "understood: properties of a ticket, mapped to an incident",
    "docs.tickets_guide-3.json": BATCH_READ,
    "http.owners-page1.json": OWNERS,
    "http.owners-page2.json": OWNERS,
    "http.users-roles.json": "passed over: roles are rights, which are not synchronised",
    "webhook.app-settings-test-batch.json": "understood: two events, told apart although both have eventId 100",
    "webhook.contact-propertyChange.json": "understood: a contact changed",
}


def test_every_file_is_told_of() -> None:
    all_told(SYSTEM, TABLE)


AT = 1_765_043_530
URL = "https://gateway.example.com/hooks/hubspot"


def told(body: Any, *, at: float = AT, url: str = URL) -> Received:
    raw, stamp = orjson.dumps(body), f"{AT}000"
    digest = hmac.new(SECRET.encode(), b"POST" + URL.encode() + raw + stamp.encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    headers = {"x-hubspot-request-timestamp": stamp, "x-hubspot-signature-v3": signature}
    return received(answering(SYSTEM, {}, AUTH), raw, headers, at=at, url=url)


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("webhook.contact-propertyChange.json", ["173595202426"]),
        ("webhook.app-settings-test-batch.json", ["123", "123"]),
        ("docs.properties_sensitive-data-5.json", ["847297356"]),
    ],
)
def test_a_batch_tells_of_each_event_and_a_repeat_is_known(name: str, ids: list[str]) -> None:
    batch = load(SYSTEM, name)
    changes = told(batch).changes
    assert [(each.kind, each.snapshot.object, each.snapshot.id) for each in changes] == [
        (ChangeKind.HINT, "contact", id) for id in ids
    ]
    assert "REDACTED" not in str(changes)
    keys = [each.delivery_key for each in changes]
    assert len(set(keys)) == len(keys), "eventId is not unique (facts.md 5.2)"
    repeat = [{**each, "attemptNumber": 1} for each in batch]
    assert [each.delivery_key for each in told(repeat).changes] == keys


def test_address_and_time_are_part_of_the_signature() -> None:
    batch = load(SYSTEM, "webhook.contact-propertyChange.json")
    for wrong in ({"url": URL + "2"}, {"at": AT + 301}):
        with pytest.raises(SignatureError):
            told(batch, **wrong)


@pytest.mark.parametrize(
    ("name", "object"),
    [
        ("docs.contacts_guide-3.json", "contact"),
        ("docs.crm_search-the-crm-2.json", "contact"),
        ("docs.crm_search-the-crm-4.json", "company"),
    ],
)
async def test_a_page_is_read(name: str, object: str) -> None:
    page = load(SYSTEM, name)

    def answer(request: httpx.Request) -> Any:
        return page if "after" not in request.url.params else {"results": []}

    connector = answering(SYSTEM, answer, AUTH)
    assert isinstance(connector, ListsIds)
    listed = (await connector.ids(object, None)).listed
    assert [each.id for each in listed] == [each["id"] for each in page["results"]]
    assert all(each.updated_at for each in listed)


@pytest.mark.parametrize(
    ("name", "mapping", "wanted"),
    [
        ("docs.companies_guide-1.json", "hubspot-company", {"name": "HubSpot", "website": "hubspot.com"}),
        ("docs.companies_guide-2.json", "hubspot-company", {"name": "HubSpot", "city": "Cambridge"}),
        ("docs.companies_guide-4.json", "hubspot-company", {"name": "Example Company"}),
        ("docs.contacts_guide-1.json", "hubspot-contact", {"email": "example@hubspot.com", "given_name": "Jane"}),
        ("docs.contacts_guide-4.json", "hubspot-contact", {"title": "Manager"}),
        ("docs.deals_guide-1.json", "hubspot-deal", {"name": "New deal", "amount": 1500, "stage": "contractsent"}),
        ("docs.deals_guide-5.json", "hubspot-deal", {"name": "New deal", "stage": "contractsent"}),
        ("docs.tickets_guide-1.json", "hubspot-ticket", {"status": "new", "priority": "high"}),
    ],
)
def test_published_properties_are_mapped(name: str, mapping: str, wanted: dict[str, Any]) -> None:
    assert wanted.items() <= mapped(mapping, load(SYSTEM, name)).items()


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("docs.-reference_error-handling-1.json", 400, "human readable message"),
        ("docs.pipelines_guide-2.json", 400, "are being referenced by object IDs"),
        ("docs.-reference_error-handling-3.json", 207, "Property values were not valid"),
    ],
)
async def test_a_refusal_has_its_reason(name: str, status: int, said: str) -> None:
    body = load(SYSTEM, name)
    if status == 207:
        body |= {"results": []}  # as for one input, which is how it is sent
    connector = answering(SYSTEM, httpx.Response(status, content=orjson.dumps(body)), AUTH)
    values = {"properties": {"subject": "x"}}
    with pytest.raises(Refused, match=said):
        await connector.apply(
            Write(kind=WriteKind.CREATE, object="ticket", operation="o", correlation="c", values=values)
        )
