"""Problem documents (RFC 9457): one maker for all that is answered over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from aiohttp import web

from gateway.core import trace
from gateway.core.problem_types import PROBLEMS

BASE = "/problems/"
"""What a type begins with: a path of the gateway that answered, where the type is explained (`api.description`)."""
QUOTA = "https://iana.org/assignments/http-problem-types#quota-exceeded"
PROBLEM = web.ResponseKey("lockstep.problem", Mapping[str, Any])
"""What an answer of `problem` says, for whoever shows it in another form."""

_TITLES = {kind.status: kind.title for kind in reversed(list(PROBLEMS.values()))} | {401: "Not verified"}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, Any]] = (),
    more: Mapping[str, Any] | None = None,
) -> web.Response:
    """An answer that says what is wrong and what to do; `code` is stable and fit for machines.

    `errors`: each with `detail` and a `pointer` (RFC 6901) into the body, or the name of a `parameter` or `header`.
    `more`: members of this type of problem.
    """
    body: dict[str, Any] = {
        "type": QUOTA if code == "quota-exceeded" else f"{BASE}{code}",
        "title": PROBLEMS[code].title if code in PROBLEMS else _TITLES.get(status, "Failed"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if traced := trace.current():
        body |= {"trace_id": traced, "instance": f"urn:lockstep:trace:{traced}"}
    if errors:
        body["errors"] = list(errors)
    body |= more or {}
    text = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS).decode()
    response = web.Response(status=status, text=text, content_type="application/problem+json", headers=headers)
    response[PROBLEM] = body
    return response
