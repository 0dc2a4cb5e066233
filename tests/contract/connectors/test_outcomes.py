"""Every connector: what a failed call says about its effect is true. The stand-in's own log is the witness."""

from __future__ import annotations

import pytest

from connectors.contract.errors import (
    Conflict,
    CredentialsError,
    DeliveryError,
    OutcomeUnknown,
    Refused,
    Retryable,
    Throttled,
)
from connectors.contract.values import ItemDraft, Write, WriteKind
from tests.contract.connectors.bench import Bench

ITEM = ItemDraft(kind="comment", body="hello", author="Bob", at=0.0, origin="other:1", origin_label="Other")


async def effects(at: Bench) -> int:
    """Edits by the gateway."""
    return len([each for each in await at.log() if each["actor"] == "gateway"])


def writes(at: Bench, ref_id: str) -> dict[str, Write]:
    return {
        "create": at.write(WriteKind.CREATE, values=at.fragment("new"), timeout_s=0.5),
        "update": at.write(WriteKind.UPDATE, ref=at.ref(ref_id), values=at.fragment("x"), timeout_s=0.5),
        "item": at.write(WriteKind.ITEM, ref=at.ref(ref_id), item=ITEM, timeout_s=0.5),
    }


@pytest.mark.parametrize("kind", ["create", "update", "item"])
@pytest.mark.parametrize(
    ("fault", "committed"),
    [
        ("timeout_before", False),
        ("timeout_after", True),
        ("drop_before", False),
        ("drop_after", True),
        ("down", False),
        ("non_json", False),
    ],
)
async def test_a_write_without_an_answer_is_unknown(at: Bench, kind: str, fault: str, committed: bool) -> None:
    """Committed or not, it looks the same from outside, and nothing is sent twice."""
    made = await at.create("one")
    before = await effects(at)
    await at.fault(fault)
    with pytest.raises(OutcomeUnknown) as got:
        await at.connector.apply(writes(at, made)[kind])
    assert await effects(at) == before + committed
    assert "lockstep-secret" not in str(got.value.evidence)


async def test_a_truncated_answer_to_a_write_is_unknown(at: Bench) -> None:
    await at.fault("truncated")
    with pytest.raises(OutcomeUnknown):
        await at.connector.apply(at.write(WriteKind.CREATE, values=at.fragment("new"), correlation="cut-off"))
    assert [each.object for each in await at.connector.find(at.object, "cut-off")] == [at.object]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, OutcomeUnknown),
        (504, OutcomeUnknown),
        (429, Throttled),
        (409, Conflict),
        (403, Refused),
    ],
)
async def test_statuses_to_a_write(at: Bench, status: int, kind: type[DeliveryError]) -> None:
    made = await at.create("one")
    await at.fault("status", status=status, retry_after_s=7)
    with pytest.raises(kind) as got:
        await at.connector.apply(writes(at, made)["update"])
    assert got.value.status == status
    if isinstance(got.value, Throttled):
        assert got.value.retry_after_s == 7.0


async def test_dead_credentials_at_a_write(at: Bench) -> None:
    made = await at.create("one")
    await at.fault("bad_credentials")
    with pytest.raises(CredentialsError):
        await at.connector.apply(writes(at, made)["update"])


@pytest.mark.parametrize("fault", ["truncated", "non_json", "drop_before", "drop_after"])
async def test_reads_ride_over_a_single_failure(at: Bench, fault: str) -> None:
    made = await at.create("one")
    await at.fault(fault, write=False, path=made)
    assert at.title((await at.connector.read(at.ref(made))).raw) == "one"


@pytest.mark.parametrize("fault", ["truncated", "non_json", "drop_after", "down"])
async def test_reads_that_keep_failing_are_retryable(at: Bench, fault: str) -> None:
    made = await at.create("one")
    await at.fault(fault, write=False, count=None)
    with pytest.raises(Retryable):
        await at.connector.read(at.ref(made))
    await at.clear()
    assert (await at.connector.read(at.ref(made))).exists


async def test_an_outage_is_not_taken_for_a_deletion(at: Bench) -> None:
    made = await at.create("one")
    for kind in ("status", "bad_credentials"):
        await at.fault(kind, write=False, count=None, status=503)
        with pytest.raises((Retryable, CredentialsError)):
            await at.connector.read(at.ref(made))
        await at.clear()


async def test_a_write_to_something_gone_is_refused(at: Bench) -> None:
    made = await at.create("one")
    await at.delete(made)
    with pytest.raises(Refused) as got:
        await at.connector.apply(writes(at, made)["update"])
    assert got.value.status == 404


async def test_a_value_the_system_does_not_take_is_refused_with_its_reason(jira: Bench) -> None:
    made = await jira.create("one")
    with pytest.raises(Refused) as got:
        await jira.connector.apply(
            jira.write(WriteKind.UPDATE, ref=jira.ref(made), values={"fields": {"priority": {"name": "Nonsense"}}})
        )
    assert list(got.value.fields) == ["priority"]


async def test_a_rule_of_the_instance_refuses_with_its_reason(servicenow: Bench) -> None:
    """Resolved without close code and notes: a data policy's 403 (facts.md 1.5 [M])."""
    made = await servicenow.create("one")
    with pytest.raises(Refused, match=r"(?i)mandatory") as got:
        await servicenow.connector.apply(
            servicenow.write(WriteKind.UPDATE, ref=servicenow.ref(made), values={"state": "6"})
        )
    assert got.value.status == 403
