"""What holds here by the configuration, in words: guards, ramps, deadlines, retention. Set in files, read here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.access.rights import Right
from gateway.config import Config
from gateway.console.rendering import many, number
from gateway.console.words import label_of

RIGHTS: dict[Right, str] = {
    Right.SEE: "read cases, records, connections, plans and runs; personal values are hidden",
    Right.SEE_PERSONAL: "read personal values, each look is in the audit trail; read attached files",
    Right.WORK: "take, park and decide cases, plan and run replays, ask for what is dangerous",
    Right.CORRECT: "enter a value that no system holds",
    Right.APPROVE: "agree, as a second person, to what is dangerous",
    Right.CONFIGURE: "test and pause connections, publish mappings, test notifications",
    Right.PEOPLE: "see leavers, without any payload",
    Right.AUDIT: "read and export the audit trail",
    Right.MANAGE: "add people, give roles and tokens, rename the team's views",
    Right.PUSH: "push users and groups to a connection by SCIM, as an identity provider does",
}


class Standing(NamedTuple):
    """One setting: what it is, how it stands, and its place in lockstep.yaml."""

    what: str
    value: str
    key: str


def span(seconds: float | None) -> str:
    """`40 h`, `7 days`, `1 year` ...; `never` for none."""
    if not seconds:
        return "never"
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return many(int(seconds // size), unit)
    return f"{seconds:g} s"


def guards(config: Config, names: Iterable[str]) -> list[tuple[str, list[Standing]]]:
    """What stops or asks before much is done: replays, decisions, mass deletions of the connections `names`."""
    replay, cases = config.replay, config.cases
    ramp = " → ".join([*(number(step) for step in replay.ramp), "the rest"])
    first = f"after step {number(replay.wait_after)} of the ramp"
    waits = first if replay.wait_after else "never; it goes on when a step did well"
    asked_for = ", ".join(sorted(_guarded(name) for name in cases.four_eyes)) or "nothing"
    return [
        (
            "Replays",
            [
                Standing("Ramp", ramp, "replay.ramp"),
                Standing("Waits for a person", waits, "replay.wait_after"),
                Standing("Fastest", f"{number(replay.rate)} items a minute", "replay.rate"),
                Standing("Of a system's budget", f"{replay.share:.0%}, live traffic keeps the rest", "replay.share"),
                Standing("Stops after", f"{many(replay.failures, 'failure')} in a row", "replay.failures"),
                Standing("Stops at", f"{replay.failed_share:.0%} failed of what ended", "replay.failed_share"),
                Standing("Second person", f"over {many(replay.approve_above, 'item')}", "replay.approve_above"),
                Standing("Second person", f"over {many(replay.creates, 'create')}", "replay.creates"),
                Standing("Second person", f"over {many(replay.deletes, 'delete')}", "replay.deletes"),
            ],
        ),
        (
            "Decisions on cases",
            [
                Standing("Second person for", asked_for, "cases.four_eyes"),
                Standing("A late case goes to", cases.escalate_to or "nobody; it is noted", "cases.escalate_to"),
                *(
                    Standing(f"Due, {level}", span(seconds), f"cases.sla.{level}")
                    for level, seconds in sorted(cases.deadlines.spans.items(), key=lambda each: each[1])
                ),
            ],
        ),
        ("Deletions that look too many", [_sweep(config, name) for name in names]),
    ]


def _guarded(name: str) -> str:
    return "discarding several" if name == "bulk_discard" else label_of(name).lower()


def _sweep(config: Config, name: str) -> Standing:
    sweeps = config.connections[name].sweeps
    if sweeps is None or sweeps.ids_every_s is None:
        return Standing(name, "not swept", f"connections.{name}.sweeps")
    most = f"one case for more than {many(sweeps.most_gone, 'object')} and {sweeps.most_gone_share:.0%}"
    return Standing(name, most, f"connections.{name}.sweeps.ids")


_CLASSES = "retention.classes"


def retention(config: Config) -> list[Standing]:
    """How long things are kept."""
    kept = config.retention
    return [
        Standing("Changes as they arrived", f"{span(kept.journal_s)}, for replays", "retention.journal"),
        Standing("Receipts, against doing a thing twice", span(kept.receipts_s), "retention.receipts"),
        Standing("Closed cases", f"{span(kept.cases_s)}; an open case is never dropped", "retention.cases"),
        *(
            Standing(f"Closed cases, {each.name}", f"{span(each.cases_s)}; {', '.join(sorted(each.flows))}", _CLASSES)
            for each in kept.apart
        ),
        Standing("The archive of what is closed", span(kept.archive_s), "retention.archive"),
        Standing("The audit trail", span(kept.audit_s), "retention.audit"),
        Standing("What a write of ours went over", span(kept.windows_s), "retention.windows"),
        Standing("A session without use", span(config.access.idle_s), "access.sessions"),
    ]
