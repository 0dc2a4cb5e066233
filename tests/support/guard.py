"""Keeps CI honest about real parts: a marked test that was skipped fails the run, and so does a part no test used.

Pytest itself calls a run green when everything that needs Kafka was skipped. This plugin counts, by marker, what ran
and what was skipped, in the process that began the run.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest

from tests.support.real import PARTS, absence_is_failure

# A fixture that brings a real part marks the tests that ask for it.
MARKED_BY_FIXTURE = {"postgres_cluster": "postgres", "kafka": "kafka"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--must-run",
        action="append",
        default=[],
        choices=PARTS,
        metavar="PART",
        help=f"fail unless at least one test ran against this real part ({', '.join(PARTS)}); may be repeated",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if part := MARKED_BY_FIXTURE.get(fixture):
                item.add_marker(part)


@dataclass(eq=False)
class RealPartsGuard:
    """What happened to the tests of each real part, seen from the process that began the run."""

    must_run: list[str]
    ran: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for part in PARTS:
            if part not in report.keywords:
                continue
            if report.skipped:
                self.skipped.setdefault(part, []).append(report.nodeid)
            elif report.when == "call":
                self.ran[part] += 1

    def objections(self) -> list[str]:
        """Why this run must not count as a success; empty when it may."""
        found = [
            f"{len(tests)} test(s) of the real part {part!r} were skipped, {tests[0]} first"
            for part, tests in sorted(self.skipped.items())
            if absence_is_failure()
        ]
        return found + [f"no test of the real part {part!r} ran" for part in self.must_run if not self.ran[part]]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.objections() and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        used = ", ".join(f"{part} {self.ran[part]}" for part in PARTS if self.ran[part])
        if used:
            terminalreporter.write_line(f"tests against real parts: {used}")
        for objection in self.objections():
            terminalreporter.write_line(f"error: {objection}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(RealPartsGuard(config.getoption("must_run")), "lockstep-real-parts")
