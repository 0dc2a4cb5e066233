"""HubSpot's answers: an error is `{status, message, correlationId, category, errors}` (facts.md 5.2 [HSD])."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from connectors.sandbox.site import Refusal

_CATEGORIES = {401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 404: "OBJECT_NOT_FOUND", 409: "CONFLICT"}


def body(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    kind = {"Content-Type": "application/json;charset=utf-8"}
    return web.Response(status=status, body=orjson.dumps(value), headers={**kind, **(headers or {})})


def error_body(status: int, message: str, **more: Any) -> dict[str, Any]:
    """One error."""
    category = _CATEGORIES.get(status, "VALIDATION_ERROR")
    said = {"status": "error", "message": message, "correlationId": str(uuid.uuid4()), "category": category}
    return {**said, **more}


def refused(status: int, message: str, **more: Any) -> Refusal:
    """A refusal."""
    return Refusal(body(error_body(status, message, **more), status))


def too_much(policy: str) -> web.Response:
    """429, which names the window; there is no Retry-After [M]."""
    said = {"errorType": "RATE_LIMIT", "policyName": policy, "category": "RATE_LIMITS"}
    return body(error_body(429, f"You have reached your {policy.lower()} limit.", **said), 429)


def trouble(status: int, retry_after_s: float | None, message: str) -> web.Response:
    """429, 423, 477 and the rest."""
    answer = (
        too_much("TEN_SECONDLY_ROLLING") if status == 429 else body(error_body(status, message or "trouble"), status)
    )
    if retry_after_s is not None:
        answer.headers["Retry-After"] = f"{retry_after_s:g}"
    return answer
