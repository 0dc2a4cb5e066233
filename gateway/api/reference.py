"""The reference page of the API, as Markdown, from the declared routes and the list of problems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import get_args

import msgspec

from gateway.access.rights import Role, rights_of
from gateway.api.declare import Key, Route
from gateway.api.describing import problems_of
from gateway.core.problem_types import PROBLEMS

_HEAD = """\
# The HTTP API

Written from the code: change the routes in `gateway/api`, then `make docs`. The description for programs, with every
schema, is served at `/openapi.json` (OpenAPI 3.1). Version 1 only grows: what is added never changes what is there.

**Sign in** with `Authorization: Bearer <token>` (`lockstep token create`, or `access.tokens`), or by the session of
the console. What is outside a token's scope is answered 404, as if it did not exist; a right that lacks is 403 and
names it.

**Errors** are problem documents (RFC 9457): go by `code`; `type` leads to what it means, on the gateway that answered;
`errors` points at each unfit place; `trace_id` is in our log. A `traceparent` of yours is continued.

**Repeats** are safe: every POST that acts needs an `Idempotency-Key`; the same key gives the same answer again,
errors too (`Idempotency-Replayed: true`). With another request it is 422, while the first still runs 409. Kept for 24
hours; what makes plans and runs for good.

**Decisions** name what they were made on: `If-Match` with the `ETag` of the thing. Without it 428; if it moved 412,
and `moved` says how.

**Lists** go on at `next`, as in `Link`. A cursor is good for its list, filter and caller; what arrives meanwhile is
on no later page. `limit` is at most 200. There is no total unless you ask for one (`count=exact` or `estimate`).

**Long work** (making a plan, however small; a run) is answered 202 with the `Location` of its operation: how far it is,
and what came of it. Ask again after `Retry-After`, follow the topic `operations` of the stream, or give it up with
`:cancel`. A plan that was not made to its end cannot be looked at or run: `plan-not-ready`.

**Quotas**: every answer tells `RateLimit` and `RateLimit-Policy`; above it 429 with `Retry-After`. Per worker.

**Times** are UTC, RFC 3339. Unknown query parameters and unknown members of a body are refused.

**Live**: `GET /v1/stream?topics=cases,connections,now,operations,runs` (`text/event-stream`). `case` events have ids:
come back with `Last-Event-ID` and none is lost or told twice. The other topics tell the whole state at first and when
it changes. `event: reset` says that the position is gone: load afresh.

Without a sign-in: `/livez` (the process answers), `/readyz` (database and stream do; `?verbose` for people),
`/version`, `/openapi.json`, `/problems/...`, and the webhooks. `/metrics` is Prometheus' format; see `metrics` in the
configuration.
"""


def page(routes: Iterable[Route]) -> str:
    """The whole page."""
    declared = tuple(routes)
    parts = [_HEAD]
    for tag in dict.fromkeys(route.tag for route in declared):
        parts.append(f"## {tag.capitalize()}\n")
        parts += [_route(route) for route in declared if route.tag == tag]
    parts.append(_problems())
    return "\n".join(parts).rstrip() + "\n"


def _route(route: Route) -> str:
    lines = [f"### `{route.method} {route.path}`\n", f"{route.summary}.\n", f"- {_right(route)}"]
    if names := [_field(field) for field in msgspec.structs.fields(route.query)]:
        lines.append(f"- query: {', '.join(names)}")
    if route.body is not None:
        members = [_field(field) for field in msgspec.structs.fields(route.body)]
        lines.append(f"- body: {', '.join(members) or 'none'} (`{route.body.__name__}`)")
    needs = [f"`Idempotency-Key` (kept {_kept(route)})"] if route.key is not Key.NONE else []
    needs += ["`If-Match`"] if route.match else []
    if needs:
        lines.append(f"- needs {' and '.join(needs)}")
    lines.append(f"- answers {route.status} `{_name(route)}`; " + _codes(route))
    return "\n".join(lines) + "\n"


def _right(route: Route) -> str:
    if route.right is None:
        return "whoever is signed in"
    return f"right `{route.right}`: {', '.join(role for role in Role if route.right in rights_of([role]))}"


def _field(field: msgspec.structs.FieldInfo) -> str:
    return f"**`{field.encode_name}`**" if field.required else f"`{field.encode_name}`"


def _kept(route: Route) -> str:
    return "24 h" if route.key is Key.DAY else "for good"


def _name(route: Route) -> str:
    if route.answer is None:
        return route.media
    text = route.answer.__name__ if isinstance(route.answer, type) and not get_args(route.answer) else str(route.answer)
    return re.sub(r"(?:\w+\.)+(\w+)", r"\1", text)


def _codes(route: Route) -> str:
    own = [code for code in problems_of(route) if code in route.problems]
    return f"problems of its own: {', '.join(f'`{code}`' for code in own)}" if own else "no problems of its own"


def _problems() -> str:
    rows = [f"| `{code}` | {kind.status} | {kind.meaning} |" for code, kind in PROBLEMS.items()]
    return "\n".join(["## Problems\n", "| code | status | what to do |", "|---|---|---|", *rows, ""])
