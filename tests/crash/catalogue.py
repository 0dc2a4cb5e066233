"""Every point at which a kill is tried, how to get the program there, and how often it passes first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.points import AFTER, BEFORE


class By(StrEnum):
    """What brings the program to a point; `provoking` knows how."""

    TRAFFIC = "people edit in both systems"
    SLOW = "people edit, and one system is slow"
    START = "a start with work waiting"
    UPGRADE = "a start on the first release's schema, with data"
    NEW_STREAM = "a start with a stream that is not there yet"
    OLD_ENTRIES = "entries and receipts old enough to go"
    SWEEP = "a sweep that a person asked for"
    GUARD = "a sweep that misses more than its guard allows"
    UNLISTED = "a sweep whose list leaves out an object that is there"
    UNREADABLE = "a new object that cannot be read at first"
    RECONCILE = "a comparison of whole systems that a person asked for"
    OPERATOR = "a person's decision about a case"
    REPLAY = "a replay that a person planned and started"
    TOLD = "a start with a case that nobody was told of"
    FED = "a start with a SIEM sink that got nothing yet"
    DEFECT = "a change that our own code trips over"


class On(StrEnum):
    """Where a point exists."""

    ALL = ""
    SQLITE = "sqlite"
    KAFKA = "kafka"


@dataclass(frozen=True, slots=True)
class Point:
    """One place. `passings`: a kill at each of these, counted from when the provocation began."""

    name: str
    by: By
    passings: tuple[int, ...] = (1,)
    on: On = On.ALL


def _commit(step: str, by: By, passings: tuple[int, ...] = (1,), on: On = On.ALL) -> Iterator[Point]:
    for moment in (BEFORE, AFTER):
        yield Point(f"{step}.{moment}", by, passings, on)


_BUSY = (1, 3, 8)

POINTS: tuple[Point, ...] = (
    Point("append.before_send", By.TRAFFIC, _BUSY),
    Point("append.after_send", By.TRAFFIC, _BUSY),
    *_commit("stream.write", By.TRAFFIC, _BUSY, On.SQLITE),
    *_commit("decision", By.TRAFFIC, _BUSY),
    *_commit("offsets", By.TRAFFIC, (1, 2)),
    Point("write.before_send", By.TRAFFIC, _BUSY),
    Point("write.after_answer", By.TRAFFIC, _BUSY),
    Point("write.before_conclusion", By.TRAFFIC, _BUSY),
    *_commit("poll.claim", By.TRAFFIC, (1, 2)),
    *_commit("poll.cursor", By.TRAFFIC, (1, 2)),
    *_commit("queue", By.SLOW),
    *_commit("recover", By.START, on=On.SQLITE),
    *_commit("gates", By.START),
    *_commit("retention", By.START, (1, 4)),
    *_commit("scout.forget", By.START),
    *_commit("upkeep", By.START, (1, 3)),
    *_commit("tally", By.START),
    *_commit("mapping.remember", By.START),
    *_commit("migrate", By.UPGRADE),
    Point("migrate.revision", By.UPGRADE, (1, 2)),
    *_commit("sweep.enter", By.UPGRADE, (1, 2)),
    *_commit("stream.create", By.NEW_STREAM, on=On.SQLITE),
    *_commit("topic.create", By.NEW_STREAM, on=On.KAFKA),
    *_commit("stream.trim", By.OLD_ENTRIES, on=On.SQLITE),
    *_commit("topic.trim", By.OLD_ENTRIES, on=On.KAFKA),
    *_commit("sweep.ask", By.SWEEP),
    *_commit("sweep.claim", By.SWEEP),
    *_commit("sweep.keep", By.SWEEP),
    *_commit("sweep.finish", By.SWEEP),
    *_commit("ids.compare", By.SWEEP),
    *_commit("ids.conclude", By.SWEEP),
    *_commit("ids.stop", By.GUARD),
    *_commit("ids.aside", By.UNLISTED),
    *_commit("scout.missed", By.UNREADABLE),
    *_commit("scout.found", By.UNREADABLE),
    *_commit("reconcile.ask", By.RECONCILE),
    *_commit("reconcile.turn", By.RECONCILE),
    *_commit("reconcile.scan", By.RECONCILE, (1, 6)),
    *_commit("reconcile.planned", By.RECONCILE),
    *_commit("reconcile.forget", By.RECONCILE),
    *_commit("reconcile.asked", By.RECONCILE),
    *_commit("reconcile.ended", By.RECONCILE),
    *_commit("reconcile.done", By.RECONCILE),
    *_commit("case", By.OPERATOR),
    *_commit("replay.select", By.REPLAY),
    *_commit("replay.plan", By.REPLAY),
    *_commit("replay.making", By.REPLAY, (1, 2)),
    *_commit("replay.items", By.REPLAY),
    *_commit("replay.planned", By.REPLAY),
    *_commit("replay.run", By.REPLAY),
    *_commit("replay.turn", By.REPLAY),
    *_commit("replay.claim", By.REPLAY),
    *_commit("replay.item", By.REPLAY),
    *_commit("replay.settle", By.REPLAY, (1, 2)),
    *_commit("notify.turn", By.TOLD),
    *_commit("notify.look", By.TOLD),
    *_commit("notify.claim", By.TOLD),
    Point("notify.before_send", By.TOLD),
    Point("notify.after_answer", By.TOLD),
    *_commit("notify.record", By.TOLD),
    *_commit("siem.enter", By.FED),
    *_commit("siem.claim", By.FED),
    *_commit("siem.put", By.FED),
    Point("siem.before_send", By.FED),
    Point("siem.after_answer", By.FED),
    *_commit("siem.sent", By.FED),
    *_commit("poison", By.DEFECT),
)


def points(*, kafka: bool, wanted: Collection[str] = ()) -> list[Point]:
    """Those that exist on this transport; `wanted`: only these, each the name of a point or of a step."""
    there = [point for point in POINTS if point.on in (On.ALL, On.KAFKA if kafka else On.SQLITE)]
    return [point for point in there if not wanted or any(f"{point.name}.".startswith(f"{one}.") for one in wanted)]


UNTRIED: Mapping[str, str] = {
    "notify.move": "needs a receiver that is gone; tests/contract/notify dies between the answer and the record",
    "siem.release": "only gives leases back before their time",
    "siem.failed": "a note for people; the next try notes it anew",
    "siem.again": "one transaction: the feed stands at the wish, or the wish stands",
    "siem.stands": "a note for people; the next try notes it anew",
    "siem.warn": "one transaction of case, entry and mark; without it the next look finds the same",
    "siem.forget": "drops what was sent long ago; what is left of it goes a minute later",
    "siem.test": "one transaction: the wish is there or is not",
    "siem.resend": "as siem.test",
    "notify.forget": "needs events a month old; what is left of them goes an hour later",
    "notify.test": "one transaction: the event is there or is not, and nothing follows in the same process",
    "notify.replay": "as notify.test",
    "access": "one transaction each, nothing follows it: a sign-in, a change of people or tokens is there or is not",
    "replay.cancel": "one transaction; said again it is answered the same, and its worker hears of it at its next word",
    "replay.approve": "takes a second person; one row that is set once, and said again it is answered the same",
    "replay.forget": "drops plans of months ago; what is left of one goes with the next",
    "replay.leave": "only gives leases back before their time; without it they run out",
    "api.claim": "what a kill leaves is set up in tests/contract/api/test_keys.py: a repeat acts after the lease",
    "api.keep": "as api.claim",
    "api.release": "as api.claim; the lease frees the key, too",
    "api.forget": "removes what has expired; what is left of it goes an hour later",
    "api.secret": "one row that the first worker makes; all read it afterwards",
    "audit.begin": "one transaction before anything is served; the next start does it again, or finds it done",
    "audit.checkpoint": "one row, then a line of a file; without the line the next look writes a newer one",
    "audit.key": "one transaction; a person's word is there or is not, and said again it changes nothing",
    "audit.accept": "as audit.key",
    "audit.delete": "one transaction for each batch; what is left of it goes with the next: tests/contract/audit",
    "audit.read": "one row before the trail is read; nothing follows it",
    "leaver.certify": "one transaction; nothing but the entry that it was issued, and the answer may be lost",
    "leaver.file": "one transaction; nothing but the entry that a file was read, and the answer may be lost",
    "leaver.guard": "one transaction; said again, the wish or the decision is the one that stands",
    "departed.readmit": "one transaction; said again, nobody is there to be let in: test_p8_readmitted.py",
    "report.read": "one row before the report is computed; nothing follows it",
    "archive.read": "one row with the look at the document; nothing follows it",
    "hold.add": "one transaction; it is in force with the next batch of a sweep, or was never said",
    "hold.release": "as hold.add",
    "record.erase": "one transaction over all tables; nothing of it, or all: tests/scenarios/test_keeping.py",
    "connection.pause": "one transaction; every worker reads it within a second, also one that was just started",
    "connection.resume": "as connection.pause",
    "connection.disable": "as connection.pause",
    "connection.enable": "as connection.pause",
    "flow.move": "one row; every transaction that may begin a write reads it, lanes bear their stage: test_stages.py",
    "config.applied": "one row for people; said again, or with the next start, the state is kept",
    "config.take_up": "a row for people; the process that was told is gone, and the next start takes it up",
    "draft.begin": "one row of a draft, on which nothing rests until it is put in place; said again",
    "draft.save": "the same: the draft stands as it was, or as it was kept",
    "draft.secrets": "the same: secrets of a draft that nothing works by yet are typed again",
    "draft.drop": "the same: the draft is there, and is dropped again",
    "config.remember": "one row for people, nothing rests on it; the next start keeps it",
    "scim.push": "one transaction before the answer, resource and telling; a provider repeats what was not answered",
    "scim.told": "takes away what the stream has; what stays is brought again by the poll, and known as a repeat",
    "mapping.backtest": "one row; begun anew after the lease of a dead worker: tests/contract/versions/test_jobs.py",
    "mapping.backtested": "one row: that somebody saw a backtest; without it the backtest is asked for again",
    "mapping.approve": "takes a second person; one row that is set once, and said again it is answered the same",
    "mapping.publish": "one transaction; what is published is there at the next start, or is not",
    "view.save": "one transaction; a person's list of filters, nothing follows it",
    "view.rename": "as view.save",
    "view.delete": "as view.save",
    "view.visit": "one row: when a person was at a page",
    "token.claim": "what a kill leaves is set up in tests/contract/credentials/test_tokens.py: it ends with the lease",
    "token.store": "as token.claim: the token before is kept, tried, and what happened is said",
    "token.refused": "as token.claim",
    "token.release": "only gives a lease back before its time",
    "token.forget": "removes what is not used any more; what is left of it goes with the next look",
    "secret.fingerprint": "one row that the first worker makes; all read it afterwards",
    "credential.promote": "one transaction; the next look of any worker takes what it says, or proves it again",
    "credential.refuse": "one row for people; without it the credential is proved once more",
    "schema.seen": "one transaction; the next round asks again and finds the same",
    "budget.take": "what a slice holds counts as sent until its window is over; places end by their lease",
    "budget.forget": "what a worker found lately, for people; a row of one that is gone ends by its time",
    "budget.tell": "what a system said of its limits; the next answer says it anew",
    "credential.standing": "for people only; the next look writes it anew",
    "secret.set": "one transaction; every worker reads it within a second, also one that was just started",
    "secret.remove": "as secret.set",
    "secret.rewrap": "set up in tests/contract/credentials: rows of both keys open, and the next call goes on",
    "secret.rewrapped": "one row in the trail, nothing follows it",
    "audit.export": "the entry of an export: open before its first row, closed after its last",
    "cases.many": "entries in the trail around decisions that each have a transaction of their own",
    "right.refused": "one entry in the trail about something that was not done; nothing follows it",
    "replay.refused": "as right.refused",
    "mapping.refused": "as right.refused",
    **dict.fromkeys(
        (
            *("leaver.begin", "leaver.claim", "leaver.left", "leaver.found", "leaver.planned", "leaver.admit"),
            *("leaver.start", "leaver.sent", "leaver.read", "leaver.rest", "leaver.checked"),
        ),
        "killed at each, and before and after the request: tests/contract/offboarding/test_kills.py",
    ),
    "leaver.renew": "only makes a lease last; without it the lease runs out, as of any worker that dies",
    "leaver.cannot": "one transaction; without it the system is found to have no way once more",
    "leaver.let_go": "one transaction; the hold is over at the next look, too",
    "leaver.past_due": "one row for people; the next look tells it",
    "leaver.told": "one transaction: the departure is there or is not, and said again it is known",
    "leaver.act": "one transaction; a person's decision is there or is not",
    "poll.stuck": "needs an answer that our code trips over again and again; the row is a case, for people only",
    "pressure.begins": "needs a full disk; the row is for people only, each worker decides by what it sees itself",
    "pressure.ends": "as pressure.begins",
}
"""Steps at whose points no kill is tried here, and why."""
