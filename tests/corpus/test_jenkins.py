"""Every published Jenkins payload is understood, or passed over with a reason, by one connector file."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from connectors.contract.errors import SignatureError
from connectors.contract.values import ChangeKind, Received, Ref
from tests.support.understood import SECRET, all_told, answering, load, mapped, received

AUTH = {"basic": {"user": "lockstep", "password": "t"}}
TABLE = {
    "api.build-multibranch.json": "understood: a build of a branch, read and mapped to a build",
    "api.build.json": "understood: a build, read and mapped to a build",
    "faros.jobs.json": "understood: the builds of a job, each told of",
    "notification.finalized-parameters.json": "understood: a hint of the build; its status `BLABLA` is not looked at, "
    "the build is read",
    "notification.finalized-success-log.json": "understood: a hint of the build, which is read",
    "notification.finalized-unstable.json": "passed over: it is of another job, since no job is called `#{project}`",
}
TOLD = {
    "notification.finalized-parameters.json": ("job/DFG-network-neutron-33-unit-rhos", "294"),
    "notification.finalized-success-log.json": ("job/project", "15"),
}


def test_every_file_is_told_of() -> None:
    all_told("jenkins", TABLE)


def receive(name: str, job: str, *, secret: str = SECRET, **changed: Any) -> Received:
    body = load("jenkins", name)
    body["build"] |= changed
    headers = {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
    return received(answering("jenkins", {}, AUTH, job=job), orjson.dumps(body), headers, at=1.0)


@pytest.mark.parametrize("name", TOLD)
def test_a_notification_is_a_hint_of_its_build(name: str) -> None:
    job, number = TOLD[name]
    got = receive(name, job)
    assert [(each.kind, each.snapshot.object, each.snapshot.id) for each in got.changes] == [
        (ChangeKind.HINT, "build", number)
    ]
    assert receive(name, "job/another").ignored == "it is of another job"


def test_a_placeholder_is_no_job() -> None:
    got = receive("notification.finalized-unstable.json", "job/test")
    assert (got.changes, got.ignored) == ((), "it is of another job")


def test_each_phase_is_told_once() -> None:
    """There is no delivery id: number and phase together are one (facts.md 3.3)."""
    name, job = "notification.finalized-success-log.json", "job/project"
    phases = ("STARTED", "COMPLETED", "COMPLETED", "FINALIZED")
    keys = [receive(name, job, phase=phase).changes[0].delivery_key for phase in phases]
    assert len(set(keys)) == 3
    with pytest.raises(SignatureError):
        receive(name, job, secret="another:password")


@pytest.mark.parametrize(
    ("name", "commit", "ref", "by"),
    [
        ("api.build.json", "0f886c74949c3ee7e489188911c7dc0c1d547418", "refs/remotes/origin/main", "merico"),
        ("api.build-multibranch.json", "c83ae02076382670e286ac2474b7a7327fc28cde", "main", None),
    ],
)
async def test_a_build_is_read_and_mapped(name: str, commit: str, ref: str, by: str | None) -> None:
    build = load("jenkins", name)
    snapshot = await answering("jenkins", build, AUTH, job="job/a").read(Ref(object="build", id=str(build["number"])))
    made = mapped("jenkins-build", snapshot.raw)
    assert (made["state"], made["commit"], made["ref"], made.get("by")) == ("succeeded", commit, ref, by)
    assert made["number"] == build["number"]


async def test_the_builds_of_a_job_are_listed() -> None:
    job = load("jenkins", "faros.jobs.json")[0]
    connector = answering("jenkins", {"allBuilds": job["allBuilds"]}, AUTH, job="job/Faros-test-job")
    listed = await connector.ids("build", None)  # type: ignore[attr-defined]
    assert [(each.id, each.key) for each in listed.listed] == [
        (str(number), f"Faros-test-job #{number}") for number in (3, 2, 1)
    ]
