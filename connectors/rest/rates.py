"""Rate headers, as each system names them: read by what its connector declares, without knowing the system."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from connectors.contract.limits import Told
from connectors.rest.limits import http_date

_EPOCH = 1_000_000_000.0
"""A number above it is a point in time, below it seconds to wait: 30 years."""
_USAGE = re.compile(r"(\d{1,12})\s*/\s*(\d{1,12})")
_PART = re.compile(r'\s*"?([a-z0-9_-]+)"?\s*(?:=\s*"?(\d{1,12})"?)?\s*', re.IGNORECASE)


class RateHeader(msgspec.Struct, frozen=True, kw_only=True):
    """One limit of a system. Names of headers are in lower case; "" where it sends none."""

    name: str
    limit: str = ""
    remaining: str = ""
    reset: str = ""
    """Seconds, a unix time (also in ms), an ISO time or an HTTP date."""
    usage: str = ""
    """One header that says `used/limit`, whatever stands around it."""
    interval_ms: str = ""
    per_s: float | None = None
    """How long the limit lasts, where no header says."""


USUAL = (
    RateHeader(
        name="x-ratelimit", limit="x-ratelimit-limit", remaining="x-ratelimit-remaining", reset="x-ratelimit-reset"
    ),
    RateHeader(name="ratelimit", limit="ratelimit-limit", remaining="ratelimit-remaining", reset="ratelimit-reset"),
)
"""ServiceNow (facts.md 1.7 [SND]), Jira (facts.md 2.6), GitHub (facts.md 3.1 [GHD]); GitLab (facts.md 3.2 [HAR-GL])."""


def told(headers: Mapping[str, str], declared: Sequence[RateHeader], now: float) -> list[Told]:
    """The limits that an answer tells of. `now`: ours; the answer's own Date goes before it."""
    at = http_date(headers["date"]) if headers.get("date") else None
    found = [each for one in declared if (each := _declared(headers, one, now if at is None else at)) is not None]
    return [*found, *_structured(headers)] if "ratelimit" in headers else found


def pressing(found: Sequence[Told]) -> Told | None:
    """The limit of which the least is left."""
    counted = [each for each in found if each.remaining is not None]
    return min(counted, key=lambda each: (each.remaining or 0) / max(1, each.limit or 1), default=None)


def _declared(headers: Mapping[str, str], one: RateHeader, now: float) -> Told | None:
    if one.usage:
        match = _USAGE.search(headers.get(one.usage, ""))
        if match is None:
            return None
        used, limit = int(match[1]), int(match[2])
        return Told(name=one.name, limit=limit, remaining=max(0, limit - used), per_s=one.per_s)
    most, left = _whole(headers.get(one.limit)), _whole(headers.get(one.remaining))
    if most is None and left is None:
        return None
    interval = _whole(headers.get(one.interval_ms)) if one.interval_ms else None
    per_s = one.per_s if interval is None else interval / 1000
    resets_in_s = _resets(headers.get(one.reset, ""), now)
    return Told(name=one.name, limit=most, remaining=left, resets_in_s=resets_in_s, per_s=per_s)


def _structured(headers: Mapping[str, str]) -> Iterator[Told]:
    """`RateLimit: limit=100, remaining=50, reset=30`, or `"burst";r=50;t=30` and `RateLimit-Policy: "burst";q=100;w=60`
    as the IETF's drafts have it.
    """
    policies = dict(_items(headers.get("ratelimit-policy", "")))
    plain = dict(re.findall(r"(limit|remaining|reset)=(\d{1,12})", headers["ratelimit"]))
    if plain:
        limit, remaining, reset = (_whole(plain.get(name)) for name in ("limit", "remaining", "reset"))
        yield Told(name="ratelimit", limit=limit, remaining=remaining, resets_in_s=_seconds(reset))
        return
    for name, found in _items(headers["ratelimit"]):
        policy = policies.get(name, {})
        yield Told(
            name=name,
            limit=policy.get("q"),
            remaining=found.get("r"),
            resets_in_s=_seconds(found.get("t")),
            per_s=_seconds(policy.get("w")),
        )


def _items(text: str) -> Iterator[tuple[str, dict[str, int]]]:
    """Name and numbers of each item of a structured header; what cannot be read is passed over."""
    for item in text.split(","):
        parts = [match for part in item.split(";") if (match := _PART.fullmatch(part)) is not None]
        if parts and parts[0][2] is None:
            yield parts[0][1].lower()[:40], {each[1].lower(): int(each[2]) for each in parts[1:] if each[2]}


def _seconds(number: int | None) -> float | None:
    return None if number is None else float(number)


def _resets(text: str, now: float) -> float | None:
    text = text.strip()
    if not text:
        return None
    if re.fullmatch(r"\d{1,16}(\.\d{1,6})?", text):
        number = float(text)
        if number > _EPOCH * 1000:
            number /= 1000
        return number - now if number > _EPOCH else number
    at = _iso(text) or http_date(text)
    return None if at is None else at - now


def _iso(text: str) -> float | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _whole(text: str | None) -> int | None:
    stripped = (text or "").strip()
    return int(stripped) if len(stripped) <= 15 and stripped.isascii() and stripped.isdecimal() else None
