"""From an error to its problem document: the one table of the API."""

from __future__ import annotations

import math
from typing import Any

import structlog
from aiohttp import web

from connectors.contract.errors import InputError, LockstepError, MappingError, StorageError
from gateway.access.asking import NotSignedIn
from gateway.access.rights import NotAllowed, Principal
from gateway.api.showing import shown
from gateway.core.problem_types import PROBLEMS
from gateway.core.problems import problem
from gateway.storage.database import ValueRefused

RETRY_AFTER_S = "5"

log = structlog.get_logger()


class NotThere(LockstepError):
    """It does not exist, or lies outside what the caller may see: nobody can tell which."""


def told(error: Exception, who: Principal | None, link: str) -> web.Response:
    """The problem document. `link`: where the present state of what was decided on can be read."""
    match error:
        case NotSignedIn():
            return problem(401, "not-signed-in", str(error), headers={"WWW-Authenticate": 'Bearer realm="lockstep"'})
        case NotAllowed():
            return _not_allowed(error, who)
        case NotThere():
            return problem(404, "not-found", str(error) or "it does not exist, or you may not see it")
        case InputError():
            return _input(error, link)
        case MappingError():
            return problem(422, "invalid-body", str(error))
        case ValueRefused():
            return problem(422, "value-refused", "the database does not take a value that was sent")
        case StorageError():
            return problem(503, "database-away", str(error), headers={"Retry-After": RETRY_AFTER_S})
        case web.HTTPRequestEntityTooLarge():
            return problem(413, "too-large", "the body is longer than `limits.body` allows")
        case _:
            log.error("api-defect", exc_info=error)
            return problem(500, "defect", "nothing you can mend; nothing that was accepted is lost")


def _not_allowed(error: NotAllowed, who: Principal | None) -> web.Response:
    scopes: dict[str, Any] = {}
    if who is not None:
        scopes = {"connections": _names(who.connections), "types": _names(who.types)}
    return problem(403, "not-allowed", str(error), more={"right": str(error.right), "scopes": scopes})


def _names(scope: frozenset[str] | None) -> list[str] | None:
    return None if scope is None else sorted(scope)


def _input(error: InputError, link: str) -> web.Response:
    """The domain's refusals have a code and a status of their own; `moved` is what moved since somebody looked."""
    code = code_of(error.code)
    status = PROBLEMS[code].status if code in PROBLEMS else error.status
    headers = {"Link": f'<{link}>; rel="current"'} if status == 412 else {}
    if wait_s := getattr(error, "retry_s", 0.0):
        headers["Retry-After"] = str(math.ceil(wait_s))
    moved = getattr(error, "moved", None)
    more = {} if moved is None else {"moved": shown(moved)}
    return problem(status, code, error.reason, headers=headers, errors=getattr(error, "errors", ()), more=more)


def code_of(code: str) -> str:
    """The domain says `plan.needs_approval`, the API `plan-needs-approval`."""
    return code.replace("_", "-").replace(".", "-")
