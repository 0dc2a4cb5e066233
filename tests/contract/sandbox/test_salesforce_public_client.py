"""The public Python client for Salesforce, written by others, finds what it expects in the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceResourceNotFound,
)

from connectors import sandbox


class Plain(HTTPAdapter):
    """The client only speaks https; the stand-in has no certificate."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        request.url = (request.url or "").replace("https://", "http://", 1)
        return super().send(request, *args, **kwargs)


@pytest.fixture
async def stand_in(tmp_path: Path) -> AsyncIterator[sandbox.StandIn]:
    running = await sandbox.start("salesforce", data=tmp_path / "sf.db")
    try:
        yield running
    finally:
        await running.stop()


def client(url: str, session_id: str = "ann-secret") -> Salesforce:
    session = requests.Session()
    session.mount("https://", Plain())
    return Salesforce(instance_url=url, session_id=session_id, session=session, version="60.0")


async def options(url: str, **changed: Any) -> None:
    answer = await asyncio.to_thread(requests.patch, f"{url}/_sandbox/options", json=changed, timeout=10)
    assert answer.ok, answer.text


async def test_rows_queries_upserts_and_replication(stand_in: sandbox.StandIn) -> None:
    await asyncio.to_thread(_rows, client(stand_in.url))


def _rows(crm: Any) -> None:
    made = crm.Case.create({"Subject": "Mail is down", "Priority": "High"})
    assert made["success"] is True and len(made["id"]) == 18
    assert crm.Case.update(made["id"], {"Status": "Working"}) == 204
    assert crm.Case.get(made["id"])["Status"] == "Working"
    assert [crm.Case.upsert("Lockstep_Key__c/k-1", {"Subject": each}) for each in ("a", "b")] == [201, 200]
    assert crm.Case.get_by_custom_id("Lockstep_Key__c", "k-1")["Subject"] == "b"
    found = crm.query("SELECT Id, Subject, Owner.Email FROM Case WHERE Lockstep_Key__c = 'k-1'")
    assert (found["totalSize"], found["done"]) == (1, True)
    assert found["records"][0]["Owner"]["Email"] == "ann@example.com"
    for number in range(4):
        crm.Account.create({"Name": f"Acme {number}"})
    crm.headers["Sforce-Query-Options"] = "batchSize=2"
    names = [row["Name"] for row in crm.query_all("SELECT Name FROM Account ORDER BY Name")["records"]]
    assert names == [f"Acme {number}" for number in range(4)], "over locators"
    assert crm.api_usage["api-usage"].used > 0
    assert crm.Case.delete(made["id"]) == 204
    start, end = datetime.now(UTC) - timedelta(minutes=5), datetime.now(UTC) + timedelta(minutes=5)
    assert [each["id"] for each in crm.Case.deleted(start, end)["deletedRecords"]] == [made["id"]]
    assert len(crm.Account.updated(start, end)["ids"]) == 4
    assert [
        row["Id"]
        for row in crm.query_all("SELECT Id FROM Case WHERE IsDeleted = true", include_deleted=True)["records"]
    ]
    assert any(field["name"] == "Lockstep_Key__c" for field in crm.Case.describe()["fields"])


async def test_refusals_are_what_the_client_knows(stand_in: sandbox.StandIn) -> None:
    crm: Any = client(stand_in.url)
    with pytest.raises(SalesforceMalformedRequest, match="REQUIRED_FIELD_MISSING"):
        await asyncio.to_thread(crm.Contact.create, {"FirstName": "Ann"})
    with pytest.raises(SalesforceMalformedRequest, match="should not be enclosed in quotes"):
        await asyncio.to_thread(crm.query, "SELECT Id FROM Case WHERE SystemModstamp > '2026-01-01T00:00:00Z'")
    with pytest.raises(SalesforceResourceNotFound, match="NOT_FOUND"):
        await asyncio.to_thread(crm.Case.get, "500Do000000999AIAQ")
    with pytest.raises(SalesforceExpiredSession, match="INVALID_SESSION_ID"):
        await asyncio.to_thread(client(stand_in.url, "dead").query, "SELECT Id FROM Case")
    await options(stand_in.url, external_id_is_unique=False)
    for _ in range(2):
        await asyncio.to_thread(crm.Account.create, {"Name": "Acme", "Lockstep_Key__c": "twice"})
    with pytest.raises(SalesforceMoreThanOneRecord):
        await asyncio.to_thread(crm.Account.upsert, "Lockstep_Key__c/twice", {"Name": "Acme"})
