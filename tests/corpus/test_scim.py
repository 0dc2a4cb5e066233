"""Every published SCIM payload is understood by the endpoint, or refused with a reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.directory import address, name_of, shown
from tests.support.pushing import Provider, pushing
from tests.support.understood import all_told, load

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


# Resources as they are pushed: file -> (endpoint, the name that is told of).
RESOURCES = {
    "rfc7643-8.3-enterprise_user.json": ("/Users", "bjensen@example.com"),
    "rfc7643-8.4-group.json": ("/Groups", "Tour Guides"),
    "rfc7644-3.14-user-post_response.json": ("/Users", "bjensen"),
    "rfc7644-3.3-user-post_request.json": ("/Users", "bjensen"),
    "rfc7644-3.3-user-post_response.json": ("/Users", "bjensen"),
    "rfc7644-3.5.1-user-put_response.json": ("/Users", "bjensen"),
    "rfc7644-3.9-user-partial_response.json": ("/Users", "bjensen"),
}
BABS, MANDY = "2819c223-7f76-453a-919d-413861904646", "902c246b-6245-4190-8e05-00816be7344a"
# Operations: file -> (endpoint, what the resource shows then).
PATCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "rfc7644-3.5.2.1-patch_op-add_emails.json": (
        "/Users",
        {"nickName": "Babs", "emails": ["bjensen@example.com", "babs@jensen.org"]},
    ),
    "rfc7644-3.5.2.2-patch_op-remove_all_members.json": ("/Groups", {"members": []}),
    "rfc7644-3.5.2.2-patch_op-remove_one_member.json": ("/Groups", {"members": [BABS, MANDY]}),  # "..." names nobody
    "rfc7644-3.5.2.3-patch_op-replace_all_email_values.json": (
        "/Users",
        {"emails": ["bjensen@example.com", "babs@jensen.org"]},
    ),
    "rfc7644-3.5.2.3-patch_op-replace_all_members.json": (
        "/Groups",
        {"members": [BABS, "08e1d05d-121c-4561-8b96-473d93df9210"]},
    ),
    "rfc7644-3.5.2.3-patch_op-replace_user_work_address.json": (
        "/Users",
        {"addresses": ["911 Universal City Plaza", "456 Hollywood Blvd"]},
    ),
}
# What a server says, or does not take: file -> (how it is sent, status, scimType). Nobody pushes answers.
REFUSED: dict[str, tuple[str, str, int, str | None]] = {
    "rfc7643-8.5-service_provider_configuration.json": ("POST", "/ServiceProviderConfig", 405, None),
    "rfc7643-8.6-resource_type-group.json": ("POST", "/ResourceTypes", 405, None),
    "rfc7643-8.6-resource_type-user.json": ("POST", "/ResourceTypes", 405, None),
    "rfc7643-8.7.1-schema-enterprise_user.json": ("POST", "/Schemas", 405, None),
    "rfc7643-8.7.1-schema-user.json": ("POST", "/Schemas", 405, None),
    "rfc7644-3.12-error-bad_request.json": ("POST", "/Users", 400, "invalidValue"),
    "rfc7644-3.12-error-not_found.json": ("POST", "/Users", 400, "invalidValue"),
    "rfc7644-3.4.2-list_response-partial_attributes.json": ("POST", "/Users", 400, "invalidValue"),
    "rfc7644-3.4.3-list_response-post_query.json": ("POST", "/Users", 400, "invalidValue"),
    "rfc7644-3.6-error-not_found.json": ("POST", "/Users", 400, "invalidValue"),
    "rfc7644-3.7.1-list_response-circular_reference.json": ("POST", "/Groups", 400, "invalidValue"),
    "rfc7644-3.7.2-bulk_request-enterprise_user.json": ("POST", "/Bulk", 501, None),
    "rfc7644-3.7.2-bulk_response-temporary_identifier.json": ("POST", "/Bulk", 501, None),
    "rfc7644-3.7.3-bulk_response-error_invalid_syntax.json": ("POST", "/Bulk", 501, None),
    "rfc7644-3.7.3-bulk_response-multiple_errors.json": ("POST", "/Bulk", 501, None),
    "rfc7644-3.7.3-bulk_response-multiple_operations.json": ("POST", "/Bulk", 501, None),
    "rfc7644-3.7.3-error-invalid_syntax.json": ("POST", "/Users", 400, "invalidValue"),
    "rfc7644-3.7.4-error-payload_too_large.json": ("POST", "/Users", 400, "invalidValue"),
}


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with pushing(tmp_path) as made:
        yield made


def becomes(name: str) -> str:
    """What the docs say of a file."""
    if name in RESOURCES:
        return "understood: pushed, kept, told of and read back"
    if name in PATCHES:
        return "understood: the operations are carried out"
    _, path, status, _ = REFUSED[name]
    return {
        405: f"refused: 405, `{path}` is only read",
        501: "refused: 501, bulk is not supported",
        400: "refused: 400 `invalidValue`, no name: a server says it, nobody pushes it",
    }[status]


def test_each_file_is_told_of() -> None:
    all_told("scim", {name: becomes(name) for name in (*RESOURCES, *PATCHES, *REFUSED)})


@pytest.mark.parametrize("name", sorted(RESOURCES))
async def test_a_published_resource_is_kept_and_told_of(provider: Provider, name: str) -> None:
    endpoint, called = RESOURCES[name]
    document = load("scim", name)
    status, said, _ = await provider.ask("POST", endpoint, document)
    assert status == 201, said
    given = {key: value for key, value in document.items() if key not in ("id", "meta", "password", "groups")}
    _, read, _ = await provider.ask("GET", f"{endpoint}/{said['id']}")
    assert {key: _plain(value) for key, value in read.items() if key in given} == {
        key: _plain(value) for key, value in given.items()
    }
    (change,) = provider.stream.changes
    assert (change.snapshot.key, change.snapshot.id) == (called, said["id"])
    assert change.snapshot.raw == shown({key: value for key, value in read.items() if key not in ("id", "meta")})
    assert name_of(read) == called
    assert change.snapshot.raw.get("email", "") == address(given.get("emails", ()))
    assert "password" not in change.snapshot.raw


def _plain(value: Any) -> Any:
    """Without what only a server may say of another resource: its address, and the name of a manager."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in ("$ref", "displayName")}
    return value


@pytest.mark.parametrize("name", sorted(PATCHES))
async def test_published_operations_are_carried_out(provider: Provider, name: str) -> None:
    endpoint, wanted = PATCHES[name]
    first = "rfc7643-8.3-enterprise_user.json" if endpoint == "/Users" else "rfc7643-8.4-group.json"
    _, made, _ = await provider.ask("POST", endpoint, load("scim", first))
    status, said, _ = await provider.ask("PATCH", f"{endpoint}/{made['id']}", load("scim", name))
    assert status == 200, said
    lists = {
        key: [each.get("value") or each["streetAddress"] for each in said.get(key, [])]
        for key in ("emails", "members", "addresses")
    }
    assert wanted.items() <= {**said, **lists}.items()


@pytest.mark.parametrize("name", sorted(REFUSED))
async def test_what_is_no_push_is_refused_with_a_reason(provider: Provider, name: str) -> None:
    method, path, status, kind = REFUSED[name]
    answered, said, _ = await provider.ask(method, path, load("scim", name))
    assert (answered, said.get("scimType"), bool(said["detail"])) == (status, kind, True), said
    assert provider.stream.changes == []
