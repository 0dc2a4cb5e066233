"""The instance's error bodies (facts.md 1.1, 1.2, 1.7)."""

from __future__ import annotations

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal

CONTENT_TYPE = "application/json;charset=UTF-8"
_TEXTS = {
    405: ("Method not supported", "The requested HTTP method is not supported by this resource"),
    406: ("Requested content type not acceptable", "Accept names no type this resource can produce"),
    415: ("Unsupported media type", "The request body has a type this resource cannot read"),
    500: ("Internal server error", ""),
    502: ("Bad gateway", ""),
    503: ("Service Unavailable", "The instance cannot process the request now"),
}


def body(value: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(
        status=status, body=orjson.dumps(value), headers={"Content-Type": CONTENT_TYPE} | (headers or {})
    )


def failure(status: int, message: str, detail: str = "", headers: dict[str, str] | None = None) -> web.Response:
    """The error envelope."""
    return body({"error": {"message": message, "detail": detail}, "status": "failure"}, status, headers)


def plain_failure(status: int) -> web.Response:
    """The error envelope with the usual words for this status."""
    if status == 404:
        return failure(404, "Requested URI does not represent any resource")
    return failure(status, *_TEXTS.get(status, _TEXTS[500]))


def unauthorised() -> web.Response:
    """Recorded: facts.md 1.1 [HAR-SN]."""
    return failure(
        401,
        "User Not Authenticated",
        "Required to provide Auth information",
        {"WWW-Authenticate": 'Basic realm="Service-now"'},
    )


def no_record() -> Refusal:
    """404: no such record, or no right to see it."""
    return Refusal(failure(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval"))


def invalid_table(name: str) -> Refusal:
    """400: no such table."""
    return Refusal(failure(400, f"Invalid table {name}"))


def data_policy(*labels: str) -> Refusal:
    """403: a mandatory field is empty (facts.md 1.2: 403 can be a data policy's rejection)."""
    fields = ", ".join(labels)
    return Refusal(
        failure(403, "Operation Failed", f"Data Policy Exception: The following fields are mandatory: {fields}")
    )


def business_rule(table: str, rule: str, rule_id: str) -> Refusal:
    """403: a business rule aborted the operation."""
    return Refusal(
        failure(
            403,
            "Operation Failed",
            f"Operation against file '{table}' was aborted by Business Rule '{rule}^{rule_id}'."
            " Business Rule Stack:" + rule,
        )
    )


def unique_key(table: str, column: str) -> Refusal:
    """403: the database takes this value once [M]."""
    detail = f"Error during insert of {table} ({column}): Unique Key violation detected by database"
    return Refusal(failure(403, "Operation Failed", detail))


def acl(detail: str = "ACL Exception Update Failed due to security constraints") -> Refusal:
    """403: no right to do this."""
    return Refusal(failure(403, "Operation Failed", detail))


def throttled(limit: int, retry_after_s: float | None, reset_at: float, rule: str) -> web.Response:
    """429 (facts.md 1.7 [SND])."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Reset": str(int(reset_at)),
        "X-RateLimit-Rule": rule,
    }
    if retry_after_s is not None:
        headers["Retry-After"] = f"{retry_after_s:g}"
    return failure(
        429, "Rate limit exceeded", f"Rate limit of {limit} requests per hour for Table API exceeded", headers
    )
