"""How what waits gets to people: Standard Webhooks 1.0.0 against a receiver that verifies; retries, kills, deaths."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise

import pytest
from sqlalchemy import select

from gateway.access.outbound import Guard, Outbound
from gateway.config.notifications import LOG, Email, Rule
from gateway.core.points import listen
from gateway.notify import channels
from gateway.notify.outbox import LEASE_S
from gateway.notify.schedule import DELAYS_S, SLOW_S
from gateway.notify.sending import EmailSender, Outcome, WebhookSender
from gateway.notify.tables import delivery
from tests.support.receiving import FORMER, SECRET, receiving
from tests.support.telling import Desk


class Killed(BaseException):
    """Stands for the end of the process: nothing of ours catches it."""


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    def die(reached: str) -> None:
        if reached == point:
            raise Killed

    listen(die)
    try:
        yield
    finally:
        listen(None)


async def _states(desk: Desk, channel: str = "ops") -> list[tuple[str, int, str]]:
    row = delivery.c
    query = select(row.state, row.attempts, row.answer).where(row.channel == channel).order_by(row.at, row.event)
    async with desk.database.read() as tx:
        return [(state, attempts, answer) for state, attempts, answer in await tx.execute(query)]


async def _health(desk: Desk, name: str = "ops") -> channels.Health:
    async with desk.database.read() as tx:
        return (await channels.all_health(tx))[name]


async def test_what_arrives_is_signed_fresh_and_a_structured_cloudevent(desk: Desk) -> None:
    await desk.open("a")
    await desk.turn()
    (headers,), (event,) = desk.ops.headers, desk.ops.events
    assert headers["webhook-id"] == event["id"]
    assert headers["webhook-timestamp"] == str(int(desk.clock.now()))
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert not [name for name in headers if name.startswith("ce-")]
    assert await _states(desk) == [("delivered", 1, "204")]


async def test_the_receiver_of_this_suite_refuses_what_is_not_signed_so(desk: Desk) -> None:
    # Would it not, the other tests here would pass whatever is signed.
    desk.secrets = (FORMER,)
    await desk.open("a")
    await desk.turn()
    assert desk.ops.forged == ["No matching signature found"]
    assert await _states(desk) == [("waiting", 1, "401")]
    desk.ops.forged.clear()


async def test_while_a_key_is_replaced_receivers_with_either_accept(desk: Desk) -> None:
    desk.secrets = (SECRET, FORMER)
    await desk.open("a")
    await desk.turn()
    desk.ops.secret = FORMER
    await desk.open("b", fingerprint="other")
    await desk.turn()
    assert desk.ops.kinds == ["case.opened", "case.opened"]
    assert [len(each["webhook-signature"].split()) for each in desk.ops.headers] == [2, 2]


async def test_retries_keep_the_id_and_the_body_and_have_a_time_of_their_own(desk: Desk) -> None:
    desk.ops.next(500, 302, 503)
    await desk.open("a")
    await desk.turn()
    for wait in DELAYS_S[:3]:
        await desk.turn(after_s=wait - 1)
        await desk.turn(after_s=1)
    assert len(set(desk.ops.ids)) == 1
    assert len(set(desk.ops.bodies)) == 1
    times = [int(each["webhook-timestamp"]) for each in desk.ops.headers]
    assert [late - early for early, late in pairwise(times)] == [5, 300, 1800]
    assert await _states(desk) == [("delivered", 4, "204")]
    assert not desk.duty.kinds


@pytest.mark.parametrize("point", ["notify.before_send", "notify.after_answer", "notify.record.before_commit"])
async def test_a_kill_between_the_sending_and_the_record_sends_the_same_again(desk: Desk, point: str) -> None:
    await desk.open("a")
    await desk.look()
    with killed_at(point), pytest.raises(BaseExceptionGroup) as died:
        await desk.send("w1")
    assert died.group_contains(Killed)
    sent = len(desk.ops.ids)
    assert sent == (0 if point == "notify.before_send" else 1)
    await desk.send("w2")
    assert len(desk.ops.ids) == sent, "the lease of the dead worker still counts"
    desk.clock.advance(LEASE_S + 1)
    await desk.send("w2")
    assert len(desk.ops.ids) == sent + 1
    assert len(set(desk.ops.ids)) == 1
    assert len(set(desk.ops.bodies)) == 1
    assert await _states(desk) == [("delivered", 1, "204")]


async def test_two_workers_at_the_same_time_send_each_event_once(desk: Desk) -> None:
    for n in range(12):
        await desk.open(f"k{n}", fingerprint=f"cause {n}")
    await desk.look()
    await asyncio.gather(desk.send("w1"), desk.send("w2"), desk.send("w3"))
    assert len(desk.ops.ids) == len(set(desk.ops.ids)) == 12


async def test_gone_disables_the_channel_and_the_fallback_gets_everything(desk: Desk) -> None:
    desk.ops.next(410)
    await desk.open("a")
    await desk.open("b", fingerprint="other")
    await desk.turn()
    await desk.turn()
    assert desk.ops.kinds == ["case.opened"]
    assert sorted(desk.duty.kinds) == ["case.opened", "case.opened", "channel.failed"]
    failed = next(each for each in desk.duty.events if each["type"] == "dev.lockstep.channel.failed.v1")
    assert (failed["data"]["channel"], failed["data"]["why"]) == ("ops", "disabled")
    assert (await _health(desk)).state is channels.State.DISABLED
    # What comes later does not go there either.
    await desk.open("c", fingerprint="third")
    await desk.turn()
    await desk.turn()
    assert len(desk.ops.kinds) == 1
    assert desk.duty.kinds.count("case.opened") == 3


async def test_too_many_requests_leave_the_whole_channel_in_peace(desk: Desk) -> None:
    desk.ops.next(429)
    await desk.open("a")
    await desk.open("b", fingerprint="other")
    await desk.turn()
    await desk.turn(after_s=SLOW_S - 1)
    assert len(desk.ops.kinds) == 1
    await desk.turn(after_s=1)
    assert len(desk.ops.kinds) == 3


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_kept_to(desk: Desk, as_date: bool) -> None:
    at = datetime.fromtimestamp(int(desk.clock.now()) + 5 + 900, UTC)
    desk.ops.next(503, retry_after=format_datetime(at, usegmt=True) if as_date else "900")
    await desk.open("a")
    await desk.turn()
    await desk.turn(after_s=899)
    assert len(desk.ops.kinds) == 1
    await desk.turn(after_s=2)
    assert len(desk.ops.kinds) == 2
    assert await _states(desk) == [("delivered", 2, "204")]


async def test_the_fallback_hears_early_that_a_channel_fails_and_again_when_it_works(desk: Desk) -> None:
    desk.ops.next(*[500] * 5)
    await desk.open("a")
    await desk.turn()
    for wait in DELAYS_S[:3]:
        assert desk.duty.kinds == []
        await desk.turn(after_s=wait)
    await desk.turn()
    assert desk.duty.kinds == ["channel.failed"]
    await desk.turn(after_s=DELAYS_S[3])
    await desk.turn(after_s=DELAYS_S[4])
    await desk.turn()
    assert desk.duty.kinds == ["channel.failed", "channel.recovered"]
    assert [each["subject"] for each in desk.duty.events] == [desk.duty.events[0]["subject"]] * 2
    assert (await _health(desk)).state is channels.State.WORKING


async def test_after_the_last_try_the_fallback_is_told_of_the_event_itself(desk: Desk) -> None:
    desk.ops.next(*[500] * 10)
    await desk.open("a")
    await desk.turn()
    (id,) = desk.ops.ids
    for wait in DELAYS_S:
        desk.clock.advance(wait)
        await desk.send()
    assert len(desk.ops.ids) == 10
    assert await _states(desk) == [("failed", 10, "500")]
    await desk.send()
    assert id in desk.duty.ids
    assert [each["data"]["why"] for each in desk.duty.events if "channel" in each["type"]] == ["failing", "given_up"]
    await desk.turn(after_s=86400)
    assert desk.ops.ids.count(id) == 10


async def test_if_the_fallback_is_dead_too_the_log_is_told_and_nothing_goes_in_circles(desk: Desk) -> None:
    desk.ops.next(410)
    desk.duty.next(410)
    await desk.open("a")
    for _ in range(6):
        await desk.turn()
    assert len(desk.ops.ids) == len(desk.duty.ids) == 1
    logged = await _states(desk, LOG)
    assert logged
    assert {state for state, _, _ in logged} == {"delivered"}
    async with desk.database.read() as tx:
        waiting = await tx.execute(select(delivery.c.event).where(delivery.c.state.in_(["waiting", "held"])))
        assert waiting.all() == []


async def test_a_channel_that_was_taken_out_of_the_configuration_loses_nothing(desk: Desk) -> None:
    desk.rules = (Rule("ops"), Rule("former"))
    await desk.open("a")
    await desk.turn()
    await desk.turn()
    assert desk.ops.kinds == ["case.opened"]
    assert await _states(desk, "former") == [("moved", 0, "")]
    assert await _states(desk, LOG) == [("delivered", 1, "logged")]


async def test_nothing_is_sent_to_an_address_inside_that_nobody_allowed(desk: Desk) -> None:
    await desk.open("a")
    await desk.look()
    await desk.worker(internal=())[1].once()
    assert desk.ops.ids == []
    ((state, attempts, answer),) = await _states(desk)
    assert (state, attempts) == ("failed", 1)
    assert "access.internal" in answer


async def test_a_receiver_that_hangs_holds_up_no_other_channel(desk: Desk) -> None:
    desk.rules = (Rule("ops"), Rule("duty"))
    await desk.open("a")
    await desk.look()
    courier, hung, released = desk.worker()[1], asyncio.Event(), asyncio.Event()

    class Hangs:
        async def send(self, due: object) -> Outcome:
            hung.set()
            await released.wait()
            return Outcome(delivered=True, answer="204")

    courier.senders = {**courier.senders, "ops": Hangs()}
    sending = asyncio.create_task(courier.once())
    await hung.wait()
    await desk.duty.arrived.wait()
    # The next turn leaves the one that hangs alone.
    await courier.once()
    released.set()
    await sending
    assert await _states(desk) == [("delivered", 1, "204")]


async def test_a_receiver_that_is_not_there_is_tried_again(desk: Desk) -> None:
    async with receiving() as short:
        desk.ops.url = short.url
    await desk.open("a")
    await desk.turn()
    ((state, attempts, answer),) = await _states(desk)
    assert (state, attempts) == ("waiting", 1)
    assert "did not answer" in answer


async def test_mail_goes_through_a_plain_server(desk: Desk) -> None:
    taken: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        in_text = False
        while line := (await reader.readline()).decode():
            if in_text:
                taken.append(line.rstrip("\r\n"))
                in_text = line != ".\r\n"
                if not in_text:
                    writer.write(b"250 taken\r\n")
            elif line.upper().startswith("DATA"):
                in_text = True
                writer.write(b"354 go on\r\n")
            elif line.upper().startswith("QUIT"):
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Email(("ops@example.com",), "lockstep@example.com", "127.0.0.1", port, "none", "", "")
    courier = desk.worker()[1]
    courier.senders = {"ops": EmailSender(target)}
    await desk.open("a")
    await desk.look()
    await courier.once()
    server.close()
    await server.wait_closed()
    assert await _states(desk) == [("delivered", 1, "accepted")]
    assert any(line.startswith("Subject: [Lockstep] 1 case: a system refused a write at jira") for line in taken)
    assert "INC0012345" not in "\n".join(taken)


async def test_a_mail_server_that_is_not_there_is_a_failure(desk: Desk) -> None:
    async with receiving() as short:
        port = int(short.url.partition("127.0.0.1:")[2].partition("/")[0])
    target = Email(("ops@example.com",), "lockstep@example.com", "127.0.0.1", port, "none", "", "")
    courier = desk.worker()[1]
    courier.senders = {"ops": EmailSender(target)}
    await desk.open("a")
    await desk.look()
    await courier.once()
    ((state, _, answer),) = await _states(desk)
    assert state == "waiting"
    assert answer == "the mail server did not take it: ConnectionRefusedError"


def test_a_sender_does_not_show_its_keys(desk: Desk) -> None:
    target = desk.config.channels["ops"].target
    assert SECRET not in repr(target)
    assert target is not None
    assert SECRET not in repr(WebhookSender(target, Outbound(Guard()), desk.clock))  # type: ignore[arg-type]
