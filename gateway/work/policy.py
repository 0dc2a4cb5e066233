"""That the policy of high-risk actions is another one: an entry that no policy can lower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.config.high_risk import HighRisk, digest_of
from gateway.config.written import POLICY
from gateway.work.trail import note

Facts = Mapping[str, Any]


def policy_moved(before: Facts, now: Facts) -> bool:
    """Whether two documents of a configuration (`gateway.config.written.document`) have different policies."""
    return _policy(before) != _policy(now)


async def note_policy(tx: AsyncConnection, before: Facts, now: Facts, *, at: float, actor: str, cause: str) -> None:
    """What another policy says otherwise, with the digests of both. Nothing is written if it is the same; one that was
    never known is the program's own.
    """
    was, is_ = _policy(before), _policy(now)
    if was == is_:
        return
    rules = {"added": _beyond(is_, was), "removed": _beyond(was, is_)}
    changed = {
        name: {"before": was.get(name), "after": value}
        for name, value in is_.items()
        if name != "rules" and was.get(name) != value
    }
    detail = {"before": digest_of(was), "after": digest_of(is_), "rules": rules, "changed": changed}
    await note(tx, at=at, kind="high_risk_changed", actor=actor, cause=cause, detail=detail)


def _policy(document: Facts) -> dict[str, Any]:
    return dict(document.get(POLICY) or HighRisk().facts)


def _beyond(one: Facts, other: Facts) -> list[Any]:
    return [each for each in one["rules"] if each not in other["rules"]]
