"""Which group a case belongs to: its fingerprint's, or where people's splits and merges say, now and for cases to come.

A group is a key that cases carry. A split or merge moves the cases that are there and leaves a rule for the others;
both reach as far as who makes it: cases outside stay where they are, and so do those to come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from typing import Any, Protocol

import msgspec
from sqlalchemy import Boolean, and_, bindparam, delete, func, insert, not_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.errors import DecisionRefused
from dead_letter.reach import EVERYWHERE, Reach, reach_of
from dead_letter.tables import IS_OPEN, case_groups, case_regroupings, cases
from dead_letter.values import Case, CaseSummary, parse_number

PARTS = ("key", "record", "field", "object", "connection", "flow")
"""What a split may go by, the strongest first: `key` is the very thing that a case is about."""
_PART_OF = re.compile(r" (flow|connection|field|value)=")


class Seen(Protocol):
    """A wish for a case, as far as it decides about the group."""

    @property
    def key(self) -> str: ...

    @property
    def content(self) -> Mapping[str, str]: ...


def parts_of(fingerprint: str) -> list[tuple[str, str]]:
    """What cases with this fingerprint share: ("cause", "value.unknown"), ("field", "status"), ..."""
    cause, *rest = _PART_OF.split(fingerprint)
    return [("cause", cause), *zip(rest[::2], rest[1::2], strict=True)]


async def groups_of(tx: AsyncConnection, batch: Sequence[Seen]) -> dict[str, str]:
    """Key of a case -> key of its group, by people's rules; the strongest part decides."""
    if not batch:
        return {}
    prints = sorted({seen.content["fingerprint"] for seen in batch})
    rule = case_regroupings.c
    # The newest first: of two that fit equally well it is what people said last.
    query = select(case_regroupings).where(rule.fingerprint.in_(prints)).order_by(rule.id.desc())
    rules: dict[tuple[str, str, str], list[tuple[Reach, str]]] = {}
    for row in await tx.execute(query):
        rules.setdefault((row.fingerprint, row.part, row.value), []).append((reach_of(row.reach), row.group_key))
    return {seen.key: _group(seen, rules) for seen in batch}


def _group(seen: Seen, rules: Mapping[tuple[str, str, str], Sequence[tuple[Reach, str]]]) -> str:
    fingerprint = seen.content["fingerprint"]
    for part in (*PARTS, "") if rules else ():
        value = seen.key if part == "key" else seen.content[part] if part else ""
        for reach, group in rules.get((fingerprint, part, value), ()):
            if reach.covers(seen.content["connection"], seen.content["flow"]):
                return group
    return fingerprint


async def back_in(tx: AsyncConnection, groups: set[str]) -> dict[str, int]:
    """Groups whose cases a person had closed, with the last of them, and that have no open case: the next member of
    one tells that what it is about came back.
    """
    group = case_groups.c
    some_open = select(cases.c.number).where(cases.c.group_key == group.group_key, IS_OPEN).exists()
    query = select(group.group_key, group.closed_number).where(
        group.group_key.in_(sorted(groups)), group.closed_number.is_not(None), ~some_open
    )
    return {row.group_key: row.closed_number for row in await tx.execute(query)}


async def note_closed(tx: AsyncConnection, group: str, number: int) -> None:
    """A person closed a case of the group."""
    await _keep(tx, {"group_key": group, "title": "", "closed_number": number}, "closed_number")


async def _keep(tx: AsyncConnection, row: Mapping[str, Any], *names: str) -> None:
    dialect = sqlite if tx.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(case_groups).values(**row)
    kept = {name: statement.excluded[name] for name in names}
    await tx.execute(statement.on_conflict_do_update(index_elements=["group_key"], set_=kept))


async def titles(tx: AsyncConnection, groups: Sequence[str]) -> dict[str, str]:
    """What people called groups; those without a name are left out."""
    group = case_groups.c
    query = select(group.group_key, group.title).where(group.group_key.in_(groups), group.title != "")
    return {row.group_key: row.title for row in await tx.execute(query)}


async def rules_into(tx: AsyncConnection, group: str) -> Sequence[Any]:
    """Splits and merges that lead to a group, oldest first: fingerprint, part, value, actor, at, reason."""
    query = select(case_regroupings).where(case_regroupings.c.group_key == group).order_by(case_regroupings.c.id)
    return (await tx.execute(query.limit(50))).all()


async def things_in(tx: AsyncConnection, group: str, named: Sequence[str], reach: Reach) -> set[str]:
    """Which of these keys and records some case of the group, open or closed, in reach is about."""
    column = cases.c
    query = select(column.key, column.record).where(
        column.group_key == group, or_(column.key.in_(named), column.record.in_(named)), *reach.conditions()
    )
    return {name for row in await tx.execute(query) for name in row}


async def split(
    tx: AsyncConnection,
    chosen: Sequence[Case],
    *,
    title: str,
    part: str,
    actor: str,
    reason: str,
    now: float,
    reach: Reach = EVERYWHERE,
) -> str:
    """Takes cases out of their group into a new one, with those in reach, now and to come, that are equal in `part`.
    Gives its key.

    Raises DecisionRefused: not of one group, all of the group, or different in `part`.
    """
    first = chosen[0]
    _refuse_split(first, chosen, title, part, reason)
    key = f"group:{first.number}:{first.work}:{int(now * 1000)}"
    rules = {(case.fingerprint, part, _value(case, part), reach.stored) for case in chosen}
    await _write_rules(tx, rules, key, actor=actor, reason=reason, now=now)
    await _keep(tx, {"group_key": key, "title": title, "closed_number": None}, "title")
    same = [
        (cases.c.fingerprint == fingerprint) & (cases.c[name] == value) for fingerprint, name, value, _ in sorted(rules)
    ]
    await _move(tx, and_(cases.c.group_key == first.group, or_(*same), *reach.conditions()), key)
    return key


async def _move(tx: AsyncConnection, condition: Any, group: str) -> None:
    """Locked in the order of their keys before they are changed, as everybody does who holds several cases."""
    await tx.execute(select(cases.c.number).where(condition, IS_OPEN).order_by(cases.c.key).with_for_update())
    await tx.execute(update(cases).where(condition).values(group_key=group, ranked_at=0.0))


def _refuse_split(first: Case, chosen: Sequence[Case], title: str, part: str, reason: str) -> None:
    why = ""
    if part not in PARTS:
        why = f"Cases can be split by {', '.join(PARTS)}."
    elif not title.strip() or not reason.strip():
        why = "Give the new group a title, and a reason."
    elif any(case.group != first.group for case in chosen):
        why = "They are not all of one group."
    elif part != "key" and any(not _value(case, part) for case in chosen):
        why = f"Some of them have no {part} to go by."
    if why:
        raise DecisionRefused(first.number, "split", why, code="group.refused")


def _value(case: CaseSummary, part: str) -> str:
    return str(getattr(case, part))


async def _write_rules(
    tx: AsyncConnection, rules: set[tuple[str, str, str, str]], group: str, *, actor: str, reason: str, now: float
) -> None:
    """Rules (fingerprint, part, value, reach). One that reaches everywhere takes the place of all that reach less."""
    rows = [
        {"fingerprint": f, "part": p, "value": v, "reach": r}
        | {"group_key": group, "actor": actor, "at": now, "reason": reason}
        for f, p, v, r in sorted(rules)
    ]
    rule = case_regroupings.c
    same = (rule.fingerprint == bindparam("f")) & (rule.part == bindparam("p")) & (rule.value == bindparam("v"))
    replaced = same & or_(rule.reach == bindparam("r"), bindparam("everywhere", type_=Boolean))
    named = [{"f": f, "p": p, "v": v, "r": r, "everywhere": not r} for f, p, v, r in sorted(rules)]
    await tx.execute(delete(case_regroupings).where(replaced), named)
    await tx.execute(insert(case_regroupings), rows)


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge did."""

    moved: int
    """Open cases."""
    stayed: int
    """Cases of these groups, open or closed, that lie outside the reach of who merged: nothing happened to them."""


async def merge(
    tx: AsyncConnection,
    groups: Sequence[str],
    into: str,
    *,
    title: str,
    actor: str,
    reason: str,
    now: float,
    reach: Reach = EVERYWHERE,
) -> Merged:
    """Makes groups one, with the cases to come, as far as `reach` goes. A name that others outside it see stays as it
    is. Raises DecisionRefused.
    """
    others = [group for group in groups if group != into]
    if not others or not reason.strip():
        raise DecisionRefused("a group", "merge", "Name two groups at least, and a reason.", code="group.refused")
    found = and_(cases.c.group_key.in_(others), *reach.conditions())
    moving = await _count(tx, found, IS_OPEN)
    whole = select(cases.c.fingerprint).where(found, cases.c.fingerprint == cases.c.group_key).distinct()
    rules = {(row.fingerprint, "", "", reach.stored) for row in await tx.execute(whole)}
    rules |= await _rules_of(tx, others, reach)
    if rules:
        await _write_rules(tx, rules, into, actor=actor, reason=reason, now=now)
    await _move(tx, found, into)
    left = select(cases.c.number).where(cases.c.group_key == case_groups.c.group_key).exists()
    await tx.execute(delete(case_groups).where(case_groups.c.group_key.in_(others), ~left))
    stayed = await _count(tx, cases.c.group_key.in_(others))
    outside = [] if reach.everywhere else [cases.c.group_key == into, not_(and_(*reach.conditions()))]
    if title and not (outside and await _count(tx, *outside)):
        await _keep(tx, {"group_key": into, "title": title, "closed_number": None}, "title")
    return Merged(moved=moving, stayed=stayed)


async def _rules_of(tx: AsyncConnection, groups: Sequence[str], reach: Reach) -> set[tuple[str, str, str, str]]:
    """What led to these groups, as far as `reach` goes; what leads there and reaches no further is taken away."""
    rule, found, over = case_regroupings.c, set(), []
    for row in await tx.execute(select(case_regroupings).where(rule.group_key.in_(groups))):
        both = reach_of(row.reach).within(reach)
        found.add((row.fingerprint, row.part, row.value, both.stored))
        if both.stored == row.reach:
            over.append(row.id)
    await tx.execute(delete(case_regroupings).where(rule.id.in_(over)))
    return found


async def _count(tx: AsyncConnection, *conditions: Any) -> int:
    query = select(func.count()).select_from(cases).where(*conditions)
    return int((await tx.execute(query)).scalar_one())


async def forget_groups(tx: AsyncConnection, groups: Set[str]) -> None:
    """What people said of groups that have no case any more, open or closed, goes: names, splits and merges."""
    some = select(cases.c.group_key).where(cases.c.group_key.in_(sorted(groups))).distinct()
    gone = sorted(groups - {row[0] for row in await tx.execute(some)})
    for table in (case_groups, case_regroupings):
        await tx.execute(delete(table).where(table.c.group_key.in_(gone)))


def numbers_of(texts: Sequence[str]) -> list[int]:
    """The numbers among what was typed, each once."""
    return sorted({number for text in texts if (number := parse_number(text)) is not None})
