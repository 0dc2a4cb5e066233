"""What people ask of a gateway about departures: a part of `gateway.cli.port`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gateway.offboarding.blast.floods import Decision, Flood
    from gateway.offboarding.values import Event
    from gateway.work.leaver_planning import LeaverPlan
    from gateway.work.leaver_telling import LeaverRow, LeaverTold, LeaverWish
    from gateway.work.leaver_views import LeaverDetail, LeaverPage, LeaverView
    from gateway.work.leavers import LeaverFilter, LeaverTally


class LeaverGuard(Protocol):
    """`gateway.work.leaver_guard`."""

    async def list_floods(self, *, open: bool = True) -> list[Flood]: ...

    async def get_flood(self, name: str) -> Flood: ...

    async def decide(self, name: str, what: str, leavers: Sequence[int] = (), *, reason: str = "") -> Decision: ...


class Leavers(Protocol):
    """`gateway.work.leavers`."""

    async def list_leavers(self, wanted: LeaverFilter = ..., *, after: int = 0, limit: int = 50) -> LeaverPage: ...

    async def get_leaver(self, number: str) -> LeaverDetail: ...

    async def leaver_tally(self) -> LeaverTally: ...


class LeaverActs(Protocol):
    """`gateway.work.leaver_acts`."""

    async def hold_leaver(self, number: str, *, until: float, reason: str, expected: int = 0) -> LeaverView: ...

    async def release_leaver(self, number: str, *, reason: str, expected: int = 0) -> LeaverView: ...

    async def cancel_leaver(self, number: str, *, reason: str, expected: int = 0) -> LeaverView: ...

    async def recheck_leaver(self, number: str, *, connection: str = "", expected: int = 0) -> LeaverView: ...

    async def choose_account(
        self, number: str, *, connection: str, accounts: Sequence[str], reason: str, expected: int = 0
    ) -> LeaverView: ...

    async def answer_leaver(self, number: str, *, answer: str, reason: str, expected: int = 0) -> LeaverView: ...

    async def done_by_hand(
        self,
        number: str,
        step: str,
        *,
        note_text: str,
        file_name: str = "",
        content: bytes = b"",
        expected: int = 0,
    ) -> LeaverView: ...


class LeaverTelling(Protocol):
    """`gateway.work.leaver_telling`."""

    async def tell_leaver(self, wish: LeaverWish) -> LeaverTold: ...

    async def import_leavers(self, rows: Sequence[dict[str, str]], *, reason: str) -> list[LeaverRow]: ...


class LeaverPlans(Protocol):
    """`gateway.work.leaver_planning`."""

    async def plan_leaver(
        self, person: str, *, event: Event = ..., after: Mapping[str, str] | None = None
    ) -> LeaverPlan: ...


class LeaverProof(Protocol):
    """`gateway.work.leaver_proof`."""

    async def certify(self, number: str) -> dict[str, Any]: ...
