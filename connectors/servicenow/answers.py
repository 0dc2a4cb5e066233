"""What ServiceNow's answers look like: shapes, error bodies, and its own sign of a broken-off call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.rest.answer import Answer, Call
from connectors.rest.classify import Sign


def vendor_sign(_: Call, answer: Answer) -> Sign | None:
    """A call cancelled by a transaction quota is answered 200 with an error inside the body (facts.md 1.7 [M])."""
    if 200 <= answer.status < 300 and isinstance(answer.data, Mapping) and "error" in answer.data:
        return Sign.BROKEN_OFF
    return None


def blame(answer: Answer) -> tuple[str, dict[str, str]]:
    """`{"error": {"message", "detail"}, "status": "failure"}` (facts.md 1.2 [SND, HAR-SN]); it names no fields."""
    error = answer.data.get("error") if isinstance(answer.data, Mapping) else None
    if not isinstance(error, Mapping):
        return "", {}
    told = (error.get("message"), error.get("detail"))
    return "; ".join(str(part) for part in told if part), {}


def one_row(data: Any) -> str:
    """Complaint unless it is `{"result": {.. "sys_id" ..}}`."""
    result = data.get("result") if isinstance(data, Mapping) else None
    return "" if isinstance(result, Mapping) and result.get("sys_id") else "no single record under `result`"


def many_rows(data: Any) -> str:
    """Complaint unless it is `{"result": [{..}, ..]}`."""
    result = data.get("result") if isinstance(data, Mapping) else None
    sound = isinstance(result, list) and all(isinstance(row, Mapping) for row in result)
    return "" if sound else "no list of records under `result`"
