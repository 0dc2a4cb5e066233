"""quality.yaml: written from a run, read back as grades, and held against the next run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from connectors import grades
from connectors.conformance import quality
from connectors.conformance.grading import Grade
from connectors.conformance.report import ActionReport, Report
from connectors.conformance.rules import RuleResult
from connectors.conformance.writes import Trial
from connectors.contract.clock import SystemClock

TRIAL = Trial(action="create", fault="late_commit", word="unknown", verdict="applied", by="marker", effects=1, sent=1)
REPORT = Report(
    connector="desk",
    against="sandbox",
    seed=3,
    whole=True,
    held=(
        RuleResult(rule="poll.overlap", object="ticket", ok=True, evidence="told by the next round"),
        RuleResult(rule="poll.deletes", object="ticket", ok=True, applies=False, evidence="nothing can be deleted"),
    ),
    actions=(ActionReport(action="ticket.create", grade=Grade.BY_MARKER, trials=(TRIAL,)),),
)


def committed(file: Path, report: Report = REPORT) -> Path:
    quality.write(report, file, SystemClock())
    return file


def graded(grade: Grade) -> Report:
    return msgspec.structs.replace(REPORT, actions=(msgspec.structs.replace(REPORT.actions[0], grade=grade),))


def test_what_was_measured_is_read_back(tmp_path: Path) -> None:
    said = grades.said_by(committed(tmp_path / "quality.yaml"))
    found = grades.grades("desk", said)
    assert (found.measured, found.shown) == (True, {"ticket.create": "effectively once by marker and probe"})
    assert (found.rules_held, found.rules_broken) == (2, ())
    assert said["actions"]["ticket.create"]["seen"] == {
        "late_commit": "unknown -> applied by marker; effects 1, requests 1"
    }
    assert (said["seed"], said["kit"], said["rules"]["poll.deletes"]["state"]) == (3, quality.KIT, "does not apply")


def test_a_grade_that_nobody_measured_is_not_shown() -> None:
    said = {"measured": False, "actions": {"issue.create": {"grade": "effectively once by key"}}}
    assert grades.grades("desk", said).shown == {"issue.create": grades.NOT_MEASURED}


@pytest.mark.parametrize("text", ["", "[]", "{", "measured: true\nactions: {a: {grade: x}}: y"])
def test_a_file_that_cannot_be_read_promises_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "quality.yaml"
    file.write_text(text)
    assert grades.said_by(file) == {}


def test_only_a_whole_run_is_written() -> None:
    with pytest.raises(ValueError, match="whole"):
        quality.text(msgspec.structs.replace(REPORT, whole=False), SystemClock())


@pytest.mark.parametrize(
    ("now", "fell"),
    [
        (Grade.BY_KEY, False),
        (Grade.BY_MARKER, False),
        (Grade.BY_TARGET_STATE, True),
        (Grade.BY_A_PERSON, True),
        (Grade.REJECTED, True),
    ],
)
def test_a_grade_that_is_lower_has_fallen(tmp_path: Path, now: Grade, fell: bool) -> None:
    before = grades.said_by(committed(tmp_path / "quality.yaml"))
    found = quality.falls(before, graded(now))
    assert bool(found) is fell
    assert all("ticket.create fell from" in each for each in found)
    assert bool(quality.rises(before, graded(now))) is (now is Grade.BY_KEY)


def test_an_action_that_is_gone_and_a_rule_that_broke_are_falls(tmp_path: Path) -> None:
    before = grades.said_by(committed(tmp_path / "quality.yaml"))
    broken = RuleResult(rule="poll.overlap", object="ticket", ok=False, evidence="1 of 1 objects were not told")
    worse = msgspec.structs.replace(REPORT, actions=(), held=(broken,))
    assert quality.falls(before, worse) == [
        "ticket.create was graded 'effectively once by marker and probe' and is not tested any more",
        "poll.overlap held and now broken",
        "write.late_commit held and now is not asked",
    ]


def test_a_declared_file_cannot_fall() -> None:
    said = {"measured": False, "actions": {"ticket.create": {"grade": "effectively once by key"}}}
    assert quality.falls(said, REPORT) == []


@pytest.mark.parametrize(
    ("connector", "file"),
    [
        ("jira", "connectors/jira/quality.yaml"),
        ("connectors.jira.connector:create", "connectors/jira/quality.yaml"),
        ("/etc/lockstep/brambledesk.yaml", "/etc/lockstep/brambledesk.quality.yaml"),
        ("/etc/lockstep/brambledesk/connector.yaml", "/etc/lockstep/brambledesk/quality.yaml"),
    ],
)
def test_where_the_file_of_a_connector_belongs(connector: str, file: str) -> None:
    found = grades.beside(connector, grades.FILE)
    assert found is not None
    assert found.as_posix().endswith(file)


def test_a_connector_that_nobody_knows_has_no_place() -> None:
    assert grades.beside("servicnow", grades.FILE) is None
    assert grades.read("servicnow") == grades.Grades(connector="servicnow", measured=False)
