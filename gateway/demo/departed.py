"""Judges a departure by what the systems say themselves, before and after, and by the certificate. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gateway.demo.clerks import Holding
from gateway.demo.verdict import Kind, Violation

Held = Mapping[str, Holding]
"""What somebody has, by connection, as each system says itself."""


@dataclass(frozen=True, slots=True)
class Certified:
    """What reading the certificate proves, by the code that others check it with."""

    file: str
    signed: bool
    """By the key of this gateway, and not changed."""
    problems: tuple[str, ...]
    """Why it does not prove that all has ended."""
    fingerprint: str

    @property
    def proves(self) -> bool:
        """That all has ended, in time."""
        return self.signed and not self.problems


@dataclass(frozen=True, slots=True)
class Departed:
    """Somebody who left, and the colleague who took over."""

    who: str
    other: str
    before: Held
    """Hers, right before the employment ended."""
    after: Held
    """Hers at the end, after everything that could have brought it back."""
    had: Held
    """The colleague's, at the same times."""
    has: Held
    gone_after_s: Mapping[str, float]
    """By connection: when its own API first showed nothing of hers."""
    deadline_s: float
    down: str
    """The system that was away meanwhile."""
    certified: Certified | None

    @property
    def rights(self) -> int:
        """Groups, teams, roles and sets of permissions that she had."""
        return sum(len(held.rights) for held in self.before.values())

    @property
    def work(self) -> int:
        """Pieces of open work that she had."""
        return sum(len(held.work) for held in self.before.values())

    @property
    def left(self) -> int:
        """Accounts, rights and pieces of work that are hers at the end."""
        return sum(held.on + len(held.rights) + len(held.work) for held in self.after.values())

    def as_json(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "person": self.who,
            "systems": len(self.before),
            "rights": self.rights,
            "work": self.work,
            "left": self.left,
            "gone_after_s": {name: round(after, 1) for name, after in self.gone_after_s.items()},
            "deadline_s": self.deadline_s,
            "down": self.down,
            "certificate": asdict(self.certified) if self.certified else None,
        }


def departure_violations(found: Departed | None) -> Iterator[Violation]:
    """What is left of hers or has come back, what her colleague lacks, what was late, what is not proved."""
    if found is None:
        yield Violation(Kind.UNPROVED, "departure", "", None, "nobody left: this run shows nothing of it")
        return
    for name, held in found.before.items():
        if not (held.on and held.rights):
            why = "she had no account that is on with a right there, so that it is gone shows nothing"
            yield Violation(Kind.UNPROVED, f"{name} {found.who}", "", None, why)
    if not found.work:
        yield Violation(Kind.UNPROVED, f"{found.who}", "work", 0, "she had no work that could be handed over")
    yield from _left(found)
    yield from _missing(found)
    yield from _late(found)
    yield from _certified(found)


def _left(found: Departed) -> Iterator[Violation]:
    for name in found.before:
        who, held = f"{name} {found.who}", found.after.get(name)
        if held is None:
            yield Violation(Kind.UNPROVED, who, "", None, "nobody asked that system at the end")
            continue
        if held.on:
            yield Violation(Kind.LEFT_BEHIND, who, "account", "on", "the account is on")
        for right in sorted(held.rights):
            yield Violation(Kind.LEFT_BEHIND, who, "rights", right, "she has it, although she left")
        for work in sorted(held.work):
            yield Violation(Kind.LEFT_BEHIND, who, "work", work, "it is hers, although she left")


def _missing(found: Departed) -> Iterator[Violation]:
    none = Holding(on=False)
    for name, had in found.had.items():
        who, has = f"{name} {found.other}", found.has.get(name, none)
        if had.on and not has.on:
            yield Violation(Kind.TAKEN, who, "account", "off", f"only {found.who} left")
        for right in sorted(had.rights - has.rights):
            yield Violation(Kind.TAKEN, who, "rights", right, f"only {found.who} left")
        for right in sorted(has.rights - had.rights):
            yield Violation(Kind.INVENTED, who, "rights", right, "nobody gave it to the colleague")
        hers = found.before[name].work if name in found.before else frozenset()
        for work in sorted(hers - has.work):
            yield Violation(Kind.TAKEN, who, "work", work, f"it was {found.who}'s, and the colleague does not have it")


def _late(found: Departed) -> Iterator[Violation]:
    for name in found.before:
        after_s = found.gone_after_s.get(name)
        if after_s is None or after_s > found.deadline_s:
            when = "never" if after_s is None else f"after {after_s:.1f} s"
            why = f"{name} showed nothing of hers {when}; the deadline is {found.deadline_s:g} s"
            yield Violation(Kind.LATE, f"{name} {found.who}", "", after_s, why)


def _certified(found: Departed) -> Iterator[Violation]:
    proof = found.certified
    if proof is None:
        yield Violation(Kind.UNPROVED, "certificate", "", None, "there is none")
        return
    if not proof.signed:
        why = "it is not what this gateway signed"
        yield Violation(Kind.UNPROVED, "certificate", "signature", proof.fingerprint, why)
    for problem in proof.problems:
        yield Violation(Kind.UNPROVED, "certificate", "", proof.file, problem)
