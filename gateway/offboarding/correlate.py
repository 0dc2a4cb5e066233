"""Which of the accounts that a system names are the person's. Pure; where two answers are possible it gives none."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from connectors.contract.access import Account, Whom
from gateway.offboarding.values import Found

LINK = "link"
CHOSEN = "chosen"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The person's accounts; or several that could be, and why a person has to choose."""

    accounts: tuple[Found, ...] = ()
    choices: tuple[Account, ...] = ()
    why: str = ""


def judge(linked: Sequence[Account], named: Sequence[Account], whom: Whom) -> Verdict:
    """`linked`: what the person's records are joined with there; `named`: what the system finds by `whom`."""
    both = tuple({each.id: each for each in (*named, *linked)}.values())
    if not both:
        return Verdict()
    if len(both) > 1:
        return Verdict(choices=both, why=_several(linked, named))
    only = both[0]
    if not linked and (doubt := contradiction(only, whom)):
        return Verdict(choices=both, why=doubt)
    return Verdict(accounts=(Found(account=only, by=LINK if linked else ", ".join(only.matched) or "name"),))


def contradiction(account: Account, whom: Whom) -> str:
    """Found by a name that somebody else may have, and known by another address: that is no proof."""
    other = account.email and whom.email and account.email.casefold() != whom.email.casefold()
    if other and set(account.matched) <= {"user_name"}:
        return f"{account.name} is the user name, and its address is another one"
    return ""


def _several(linked: Sequence[Account], named: Sequence[Account]) -> str:
    if not linked:
        return f"{len(named)} accounts have a name, address or number of the person"
    return "besides the account that the record is linked with, others have a name, address or number of the person"
