"""What a gateway refuses, as exit codes: one table for errors of its verbs here and problem documents elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gateway.cli.exits import Code, Ending

_BY_CODE: dict[str, Code] = {
    **dict.fromkeys(
        (
            "case-not-found",
            "approval-not-found",
            "plan-not-found",
            "run-not-found",
            "selection-not-found",
            "report-not-found",
        ),
        Code.NOT_FOUND,
    ),
    "selection-empty": Code.NOT_FOUND,
    "plan-not-ready": Code.STILL_UNKNOWN,
    "configuration-refused": Code.STOPPED_BY_GUARD,
    "configuration-invalid": Code.CONFIG_INVALID,
    **dict.fromkeys(
        ("decision-stale", "correction-stale", "person-stale", "plan-stale", "leaver-moved"), Code.PLAN_STALE
    ),
    **dict.fromkeys(
        (
            *("reason-missing", "reason-unknown", "proof-missing", "choice-unknown", "until-unknown"),
            *(
                "link-refused",
                "file-refused",
                "value-refused",
                "group-refused",
                "task-not-found",
                "leaver-unfit",
                "leaver-unclear",
            ),
        ),
        Code.WRONG_USE,
    ),
}
"""What another command line would do is wrong use, in distinction to what is not possible."""
_BY_STATUS = {401: Code.NOT_ALLOWED, 403: Code.NOT_ALLOWED, 404: Code.NOT_FOUND, 409: Code.NOT_ALLOWED}
_BY_STATUS |= {412: Code.PLAN_STALE}
_HINTS = {
    "case-not-found": "those there are: lockstep case list",
    "approval-not-found": "those that wait: lockstep case approvals",
    "selection-empty": "what there is: lockstep case list",
    "plan-not-found": "those there are: lockstep replay list --plans",
    "run-not-found": "those there are: lockstep replay list",
    "token-not-found": "those there are: lockstep token list",
    "leaver-not-found": "those there are: lockstep leaver list",
}


def ending_of(code: str, text: str, status: int = 409) -> Ending:
    """How a command ends that was refused for this, with what to type next where that helps. `code` in either form."""
    from gateway.core.problem_types import PROBLEMS

    plain = code.replace("_", "-").replace(".", "-")
    known = PROBLEMS[plain].status if plain in PROBLEMS else status
    hint = _HINTS.get(plain, "")
    told = "; ".join(part for part in (text, hint) if part)
    return Ending(_BY_CODE.get(plain) or _BY_STATUS.get(known, Code.WRONG_USE), told)


@contextmanager
def as_codes() -> Iterator[None]:
    """A refusal becomes an exit code with its text, and with what to type next where that helps."""
    from connectors.contract.errors import InputError, MappingError
    from gateway.access.rights import NotAllowed

    try:
        yield
    except InputError as error:
        raise ending_of(error.code, str(error), error.status) from error
    except NotAllowed as error:
        raise Ending(Code.NOT_ALLOWED, str(error)) from error
    except MappingError as error:
        raise Ending(Code.WRONG_USE, f"{error}; nothing was changed") from error
