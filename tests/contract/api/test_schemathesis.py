"""The description against the gateway: whatever fits it, and what does not, is answered as it says."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, assume, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from gateway.access.rights import Role
from gateway.api.describing import describe
from gateway.api.table import ROUTES
from tests.contract.api.conftest import SECRETS, Place

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]
LONGEST = 8_000
"""Of an address: a longer one the parser of HTTP refuses, before there is a request."""
USUAL_KEY = "01J9ZJ4T7Q"
"""Of the description's example."""
STREAM = "follow"
"""Never ends by itself; its own tests read it."""

document = describe([route for route in ROUTES if route.name != STREAM], release="test")
schema = schemathesis.openapi.from_dict(document)


@schema.parametrize()
@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_as_described(case: Case[Any], place: Place) -> None:
    _fill(case, place)
    sent = requests.Request(**case.as_transport_kwargs(base_url=place.url)).prepare()
    assume(len(sent.url or "") < LONGEST)
    case.call_and_validate(
        base_url=place.url, headers={"Authorization": f"Bearer {SECRETS[Role.ADMIN]}"}, checks=CHECKS, timeout=30
    )


def _fill(case: Case[Any], place: Place) -> None:
    """Names of what there is, and keys that were not used: made-up ones would only be told that there is nothing."""
    known: dict[str, Any] = {
        "number": place.numbers[0],
        "system": "jira",
        "type": "issue",
        "name": "snow",
        "key": place.issue,
        "id": place.plan,
        "mapping": "jira-issue",
        "version": "1",
    }
    names = dict(case.path_parameters or {})
    case.path_parameters = {
        name: known[name] if name in known and len(str(value)) % 4 else value for name, value in names.items()
    }
    headers: Any = case.headers
    if headers and headers.get("Idempotency-Key") == USUAL_KEY:
        headers["Idempotency-Key"] = secrets.token_hex(8)


def test_the_document_is_served_and_valid(place: Place) -> None:
    answer = httpx.get(f"{place.url}/openapi.json")
    served = answer.json()
    assert {name for path in served["paths"].values() for name in path} <= {"get", "post", "patch", "delete"}
    assert [each["operationId"] for path in served["paths"].values() for each in path.values()].count(STREAM) == 1
    assert httpx.get(f"{place.url}/openapi.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_type_of_a_problem_leads_to_what_it_means(place: Place) -> None:
    refused = httpx.get(f"{place.url}/v1/cases/FO-999999")
    told = httpx.get(refused.url.join(refused.json()["type"]))
    assert told.status_code == 200 and told.headers["content-type"].startswith("text/plain")
    assert refused.json()["code"] in told.text and refused.json()["title"] in told.text
    assert httpx.get(f"{place.url}/problems/no-such").status_code == 404


def test_every_problem_that_is_described_is_listed() -> None:
    for path in document["paths"].values():
        for operation in path.values():
            assert {"401", "404", "406", "429", "500", "503"} <= set(operation["responses"])


@pytest.mark.parametrize("name", ["PlanView", "CaseView", "Problem"])
def test_components_are_json_schema(name: str) -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(document["components"]["schemas"][name])
