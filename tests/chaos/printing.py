"""How a campaign is told: progress on stderr, what was found on stdout."""

from __future__ import annotations

import sys
import textwrap
import time

from tests.chaos.campaign import Campaign
from tests.chaos.detection import Found, meaning
from tests.chaos.work import Violation

WIDTH = 104


class Progress:
    """On a terminal one line that is written over; in a pipe a line each quarter of a minute."""

    def __init__(self, schedules: int, every_s: float = 15.0) -> None:
        self.schedules, self.every_s = schedules, every_s
        self.told_at = float("-inf")

    def __call__(self, campaign: Campaign) -> None:
        over = campaign.schedules >= self.schedules
        terminal = sys.stderr.isatty()
        if not terminal and not over and time.monotonic() - self.told_at < self.every_s:
            return
        self.told_at = time.monotonic()
        per_s = campaign.schedules / max(campaign.seconds, 0.001)
        left_s = max(0, self.schedules - campaign.schedules) / max(per_s, 0.001)
        said = (
            f"{campaign.schedules:,} of {self.schedules:,} schedules, {len(campaign.violations)} violations, "
            f"{per_s * 60:,.0f} a minute, {left_s:,.0f} s to go"
        )
        sys.stderr.write(f"\r{said}\x1b[K" + ("\n" if over else "") if terminal else said + "\n")
        sys.stderr.flush()


def as_trace(violation: Violation) -> str:
    """In the form of the table in tests/promises/test_traces.py."""
    trace = textwrap.fill("; ".join(violation.trace), WIDTH, break_long_words=False, break_on_hyphens=False)
    body = textwrap.indent(trace, " " * 8)
    said = f"{violation.promise}: {violation.what}".replace("\\", "\\\\").replace('"', "'")
    told = f"# schedule {violation.number}, seed {violation.seed}, {len(violation.trace)} operations"
    return f'    {told}\n    "{said}": (\n        "{violation.setting}",\n        """\n{body}\n        """,\n    ),\n'


def summary(campaign: Campaign) -> str:
    """One sentence at the end."""
    rate = campaign.schedules / max(campaign.seconds, 0.001) * 60
    return (
        f"{campaign.schedules:,} schedules from seed {campaign.seed} in {campaign.seconds:,.0f} s "
        f"({rate:,.0f} a minute): {len(campaign.violations)} violations"
    )


def row(found: Found) -> str:
    """A row of the table of detection."""
    seen = f"{found.promise} in {found.setting}" if found.promise else "not noticed"
    return f"| {found.mechanism} | {meaning(found.mechanism)} | {seen} | {found.schedules} |"
