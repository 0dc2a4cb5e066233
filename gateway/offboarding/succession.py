"""Who takes over what somebody who leaves has open in a system."""

from __future__ import annotations

from collections.abc import Collection

from connectors.contract.access import Account, EndsAccess, Whom
from gateway.config.leavers import Leavers
from gateway.offboarding.values import Event, Leaver


async def successor_of(
    leaver: Leaver, rules: Leavers, ends: EndsAccess, theirs: Collection[str]
) -> tuple[Account | None, str]:
    """The account there, and why nobody, or how it was found. Whom a person named goes before the rule; an account
    that is off, several of a name, and the leaver's own are nobody's.
    """
    if leaver.kind is not Event.LEAVER:
        return None, ""
    tried = []
    for name, how in _named(leaver, rules):
        found = [each for each in await ends.accounts(whom_of(name)) if each.id not in theirs]
        active = [each for each in found if each.active]
        if len(active) == 1:
            return active[0], how
        many = "several accounts" if len(active) > 1 else "no account that is on" if found else "no account"
        tried.append(f"{how}: {name} has {many} there")
    return None, "; ".join(tried) or "nobody is named to take over"


def _named(leaver: Leaver, rules: Leavers) -> list[tuple[str, str]]:
    manager = leaver.doc.person.manager if rules.successor_by == "manager" else ""
    named = [
        (leaver.doc.successor, "as somebody said"),
        (manager, "the manager"),
        (rules.successor, "by configuration"),
    ]
    return [(name, how) for name, how in named if name]


def whom_of(name: str) -> Whom:
    """How somebody is asked for who is known by one name: an address, or else a user name or a number."""
    return Whom(email=name) if "@" in name else Whom(user_name=name, employee_number=name)
