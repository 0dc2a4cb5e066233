"""One owner per token over all workers: never two renewals at once, durable before use, whatever ends in between.

Two stores on one database are two workers. A system that gives refresh tokens which may be used once is what makes a
second renewal, or one that was not stored, cost the connection.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from connectors.contract.credentials import RenewalUnanswered, Token
from connectors.contract.errors import CredentialsError, Retryable, StorageError
from connectors.rest.lives import Held
from gateway.app.recover import recover
from gateway.credentials.renewals import Busy, Claimed, Renewals, forget_tokens
from gateway.credentials.tables import token
from gateway.credentials.tokens import DatabaseTokens
from gateway.credentials.vault import Vault
from gateway.delivery.breaker import Gate
from gateway.delivery.sending import concluded
from gateway.storage.database import Database
from gateway.sync.attempts import Outcome
from tests.contract.credentials.signing_on import LIFE_S, Crew


@pytest.fixture
def crew(database: Database, vault: Vault) -> Crew:
    return Crew(database, vault)


async def test_many_workers_ask_once_and_share_the_result(crew: Crew) -> None:
    workers = [crew.worker(f"w{n}") for n in range(6)]
    found = await asyncio.gather(*(crew.get(each) for each in workers for _ in range(5)))
    assert {(each.value, each.serial) for each in found} == {("t1", 1)}
    assert (crew.system.given, crew.system.most_at_once) == (1, 1)
    assert all(each.ready("v") is not None for each in workers)
    assert "refresh1" not in (await crew.row())["value"], "it is stored sealed"


async def test_it_is_renewed_ahead_while_the_old_one_serves(crew: Crew) -> None:
    one, two = crew.worker("one"), crew.worker("two")
    await crew.get(one)
    await crew.get(two)
    crew.clock.advance(LIFE_S * 0.74)
    assert one.ready("v") is not None
    crew.clock.advance(LIFE_S * 0.02)
    assert one.ready("v") is None
    held = asyncio.Event()
    crew.system.pause = held.wait
    assert (await crew.get(one)).value == "t1", "nobody waits while the old one is good"
    (renewal,) = one._under_way.values()
    held.set()
    assert (await renewal).value == "t2"
    assert (await crew.get(two)).value == "t1"
    await two._under_way["v"]
    assert (await crew.get(two)).value == "t2"
    assert (crew.system.given, crew.system.most_at_once) == (2, 1)


async def test_others_wait_for_the_owner(crew: Crew) -> None:
    one, two = crew.worker("one"), crew.worker("two")
    asked, held = asyncio.Event(), asyncio.Event()

    async def pause() -> None:
        asked.set()
        await held.wait()

    crew.system.pause = pause
    first = asyncio.create_task(crew.get(one))
    await asked.wait()
    second = asyncio.create_task(crew.get(two))
    await crew.waited.acquire()
    assert not second.done()
    held.set()
    assert {(await first).value, (await second).value} == {"t1"}
    assert crew.system.given == 1


async def test_refused_tokens_are_renewed_once_for_all(crew: Crew) -> None:
    one, two = crew.worker("one"), crew.worker("two")
    await crew.get(one)
    await crew.get(two)
    crew.clock.advance(20)
    found = await asyncio.gather(*(crew.get(each, refused=1) for each in (one, two) for _ in range(4)))
    assert {each.value for each in found} == {"t2"}
    assert crew.system.given == 2


async def test_a_token_that_was_got_a_moment_ago_is_not_what_is_wrong(crew: Crew) -> None:
    """Else a system that refuses us for another reason would be asked for a token with every call."""
    one = crew.worker("one")
    await crew.get(one)
    with pytest.raises(CredentialsError, match="a moment ago"):
        await crew.get(one, refused=1)
    assert crew.system.given == 1


async def test_a_caller_that_gives_up_does_not_end_the_renewal(crew: Crew) -> None:
    """Cancelled with its caller, the answer and the refresh token in it would be lost."""
    one, held = crew.worker("one"), asyncio.Event()
    crew.system.pause = held.wait
    with pytest.raises(Retryable, match="nothing was sent"):
        await one.token("v", crew.system.renew, within_s=0.05)
    waiting = asyncio.create_task(crew.get(one))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    held.set()
    await one.close()
    assert (await crew.row())["serial"] == 1
    assert (await crew.get(one)).value == "t1"


class Away(Renewals):
    """A database that is away when the answer has come."""

    away = 2

    async def store(self, version: str, claim: Claimed, held: Held) -> Held:
        if self.away:
            self.away -= 1
            raise StorageError("away")
        return await super().store(version, claim, held)


async def test_a_new_token_waits_until_it_is_durable(crew: Crew) -> None:
    one = crew.worker("one", Away)
    assert (await crew.get(one)).value == "t1"
    assert crew.waits == [0.5, 0.5]
    row = await crew.row()
    assert (row["serial"], row["owner"], row["asking_since"]) == (1, "", None)


class Killed(Renewals):
    """A worker that dies between the answer and the store."""

    async def store(self, version: str, claim: Claimed, held: Held) -> Held:
        raise asyncio.CancelledError


async def dies(crew: Crew) -> None:
    with pytest.raises(Retryable):
        await crew.get(crew.worker("dead", Killed))


async def test_a_crash_between_answer_and_store_is_named(crew: Crew) -> None:
    """The old refresh token is kept and tried; where the system takes it once only, people read what happened."""
    two = crew.worker("two")
    await crew.get(two)
    crew.clock.advance(90)
    dead = crew.worker("dead", Killed)
    await crew.get(dead)
    with pytest.raises(asyncio.CancelledError):
        await dead._under_way["v"]
    crew.clock.advance(61)  # its lease is over, and so is the token
    with pytest.raises(CredentialsError, match=r"invalid_grant.*a renewal begun 2023.*used up the refresh token"):
        await crew.get(two)
    row = await crew.row()
    assert (row["serial"], row["refused_at"] is not None, row["owner"]) == (1, True, "")


async def test_a_crash_costs_nothing_where_the_old_refresh_token_is_still_taken(crew: Crew) -> None:
    await dies(crew)
    crew.system.good = "first"  # a system with a grace period
    crew.clock.advance(61)
    assert (await crew.get(crew.worker("two"))).value == "t2"
    assert (await crew.row())["asking_since"] is None


async def test_nobody_takes_over_before_the_lease_is_over(crew: Crew) -> None:
    await dies(crew)
    crew.system.good = "first"
    two = crew.worker("two")
    waiting = asyncio.create_task(crew.get(two))
    for _ in range(5):
        await crew.waited.acquire()
    assert crew.system.given == 1
    crew.clock.advance(61)
    assert (await waiting).value == "t2"


async def test_an_unanswered_renewal_is_remembered_and_the_old_token_tried_again(crew: Crew) -> None:
    one = crew.worker("one")
    crew.system.lose_answer = True
    with pytest.raises(RenewalUnanswered):
        await crew.get(one)
    row = await crew.row()
    assert (row["owner"], row["asking_since"]) == ("", crew.clock.now())
    with pytest.raises(CredentialsError, match="used up the refresh token"):
        await crew.get(one)


async def test_a_credential_that_gives_no_token_is_not_tried_with_every_call(crew: Crew) -> None:
    one, two, asked = crew.worker("one"), crew.worker("two"), []

    async def refuse(last: Token | None) -> Token:
        asked.append(last)
        raise CredentialsError("the system answered 401, invalid_client", status=401)

    for worker in (one, two, one, two):
        with pytest.raises(CredentialsError, match="invalid_client"):
            await worker.token("v", refuse, within_s=5.0)
    assert len(asked) == 1
    crew.clock.advance(601)
    assert (await crew.get(two)).value == "t1", "after ten minutes it is tried again by itself"
    assert (await crew.row())["refused_at"] is None


async def test_another_credential_is_not_held_up_by_a_dead_one(crew: Crew) -> None:
    one = crew.worker("one")

    async def refuse(last: Token | None) -> Token:
        raise CredentialsError("no")

    with pytest.raises(CredentialsError):
        await one.token("old", refuse, within_s=5.0)
    assert (await crew.get(one)).value == "t1"


async def test_a_worker_that_was_stopped_for_long_overwrites_nothing(crew: Crew) -> None:
    """It was stopped between claim and answer; meanwhile another renewed. What is stored counts for it, too."""
    crew.system.good = "first"
    slow, quick = crew.worker("slow"), crew.worker("quick")

    async def stopped() -> None:
        crew.system.pause = lambda: asyncio.sleep(0)
        crew.clock.advance(61)
        crew.system.good = "first"
        await crew.get(quick)

    crew.system.pause = stopped
    assert (await crew.get(slow)).value == "t2"
    assert (await crew.row())["serial"] == 1
    assert (await crew.get(quick)).value == "t2"


async def test_a_process_that_was_stopped_before_it_asked_claims_anew(crew: Crew) -> None:
    """Else its request could leave after another worker's."""
    claims: list[str] = []

    class Stopped(Renewals):
        async def claim(self, version: str, refused: int | None) -> Any:
            told = await super().claim(version, refused)
            claims.append(type(told).__name__)
            if len(claims) == 1:
                crew.clock.advance(30)
            return told

    assert (await crew.get(crew.worker("one", Stopped))).value == "t1"
    assert claims == ["Claimed", "Claimed"]


@pytest.mark.parametrize("jump_s", [-86_400.0, -30.0, 30.0, 86_400.0])
async def test_a_wall_clock_that_jumps_does_no_harm(crew: Crew, jump_s: float) -> None:
    """Forward costs a renewal at most. Back, nobody takes a token for good longer than it lives."""
    one = crew.worker("one")
    await crew.get(one)
    crew.clock.wall += jump_s
    assert one.ready("v") is not None, "its own token it knows by elapsed time"
    two = crew.worker("two")
    assert (await crew.get(two)).serial in (1, 2)
    crew.clock.advance(LIFE_S)
    assert one.ready("v") is two.ready("v") is None, "it is over for both, whenever they came to know it"
    before = crew.system.given
    await asyncio.gather(crew.get(one), crew.get(two))
    assert crew.system.given <= before + 2
    assert crew.system.most_at_once == 1


async def test_a_lease_from_before_a_clock_was_set_back_holds_nobody_up(crew: Crew) -> None:
    await dies(crew)
    crew.system.good = "first"
    crew.clock.wall -= 86_400
    assert (await crew.get(crew.worker("two"))).value == "t2"


async def test_a_failed_renewal_ahead_is_not_repeated_with_every_call(crew: Crew) -> None:
    one, tries = crew.worker("one"), []
    await crew.get(one)
    crew.clock.advance(80)

    async def down(last: Token | None) -> Token:
        tries.append(last)
        raise Retryable("503", down=True)

    for _ in range(5):
        assert (await one.token("v", down, within_s=1.0)).value == "t1"
        await asyncio.gather(*one._under_way.values(), return_exceptions=True)
    assert len(tries) == 1
    crew.clock.advance(6)
    await one.token("v", down, within_s=1.0)
    await asyncio.gather(*one._under_way.values(), return_exceptions=True)
    assert len(tries) == 2
    assert one.counts.failed == 2


async def test_what_is_not_used_any_more_is_forgotten(crew: Crew) -> None:
    one = crew.worker("one")
    await crew.get(one)
    async with crew.database.begin() as tx:
        assert await forget_tokens(tx, "snow", {"v"}, before=crew.clock.now() + 1) == 0
        assert await forget_tokens(tx, "snow", {"w"}, before=crew.clock.now() - 1) == 0
        assert await forget_tokens(tx, "snow", {"w"}, before=crew.clock.now() + 1) == 1


async def test_rows_of_another_connection_do_not_open(crew: Crew) -> None:
    await crew.get(crew.worker("one"))
    async with crew.database.begin() as tx:
        await tx.execute(update(token).values(connection="jira"))
    rows = Renewals(crew.database, crew.clock, crew.vault, "jira", "two")
    with pytest.raises(CredentialsError, match="another's place"):
        await DatabaseTokens(rows, crew.clock).token("v", crew.system.renew, within_s=5.0)


class NoDatabase(Renewals):
    """It is away when somebody looks for a token."""

    async def find(self, version: str) -> Held | None:
        raise StorageError("away")


async def test_a_database_that_is_away_is_nothing_of_the_record(crew: Crew) -> None:
    """Nothing was sent: an outcome in doubt, or a try used up, would be wrong."""
    with pytest.raises(Retryable) as caught:
        await crew.get(crew.worker("one", NoDatabase))
    conclusion = concluded(caught.value, Gate(crew.clock))
    assert (conclusion.outcome, conclusion.counts) == (Outcome.NOT_APPLIED, False)


async def test_a_restart_of_the_only_process_does_not_wait_for_its_lease(crew: Crew) -> None:
    """On a shared database the one that holds it may be alive."""
    await dies(crew)
    await recover(crew.database)
    told = await Renewals(crew.database, crew.clock, crew.vault, "snow", "two").claim("v", None)
    assert isinstance(told, Claimed if crew.database.sqlite else Busy)
    if isinstance(told, Claimed):
        assert told.unanswered_since == crew.clock.now(), "that a renewal had begun is not forgotten"
