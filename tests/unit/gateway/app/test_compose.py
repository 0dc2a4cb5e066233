"""What is put together from a configuration: secrets known, times in the right order. Nothing is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from dead_letter.evidence import PERSONAL
from gateway.app import compose as composing
from gateway.app.compose import compose, redactor_of
from gateway.config import Config, load
from gateway.streams.port import Stream, StreamOptions, open_stream
from tests.unit.gateway.config.support import ENV, GOOD

WAITS_FOR_AN_ANSWER = 1.25
"""Times the time-out: after so long an attempt without an answer is given up as unknown."""


def config_of(directory: Path, text: str = GOOD) -> Config:
    file = directory / "lockstep.yaml"
    file.write_text(text)
    return load(file, ENV)


@pytest.mark.parametrize("name", ["SNOW_PASSWORD", "JIRA_TOKEN", "SNOW_HOOK"])
def test_no_secret_of_the_configuration_gets_into_evidence(tmp_path: Path, name: str) -> None:
    """In words that no rule would take for a secret: only knowing the value helps."""
    told = redactor_of(config_of(tmp_path))({"said": f"you sent us {ENV[name]} in plain"})
    assert told == {"said": "you sent us *** in plain"}


def test_personal_fields_are_listed_and_user_names_are_no_secrets(tmp_path: Path) -> None:
    told = redactor_of(config_of(tmp_path))({"sent": {"assignee": "ann@example.com", "summary": "by lockstep"}})
    assert told[PERSONAL] == ["/sent/assignee"]
    assert told["sent"]["summary"] == "by lockstep"


async def test_a_lease_outlives_the_wait_for_an_answer(tmp_path: Path) -> None:
    """Rule 12: another worker must not take the lane for lost while this one still waits."""
    gateway = compose(config_of(tmp_path))
    for queue in gateway.dispatcher.queues.values():
        worker = queue.runner.worker
        assert worker.lease_s > worker.timeout_s * WAITS_FOR_AN_ANSWER
    await gateway.database.close()


@pytest.mark.parametrize(("journal", "days"), [("30d", 1.0), ("12h", 0.25)])
async def test_the_stream_forgets_before_the_journal_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal: str, days: float
) -> None:
    """P7: what the stream can still bring is known as a repeat."""
    asked: list[StreamOptions] = []

    def opened(url: str, *, options: StreamOptions, **more: object) -> Stream:
        asked.append(options)
        return open_stream(url, options=options, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(composing, "open_stream", opened)
    gateway = compose(
        config_of(tmp_path, GOOD.replace("lockstep: 1\n", f"lockstep: 1\nretention: {{journal: {journal}}}\n"))
    )
    assert [options.retention_s for options in asked] == [days * 86400.0]
    await gateway.database.close()
