"""What a flow would write is told in samples, and that they are samples is told, too."""

from __future__ import annotations

import pytest

from gateway.cli.flow_telling import MOST, tell_preview
from gateway.work.flow_preview import FlowPreview, Planned, Tally, Would


def preview(objects: int, samples: int) -> FlowPreview:
    shown = tuple(
        Planned(record=f"r{at}", connection="jira", object=f"INC{at}", action=Would.CREATE) for at in range(samples)
    )
    counts = (Tally(connection="jira", action=Would.CREATE, objects=objects),)
    nothing = (Tally(connection="snow", action=Would.NOTHING, objects=7),)
    return FlowPreview(
        flow="incidents",
        stage="shadow",
        revision=1,
        at=1.0,
        waiting=objects + 7,
        planned=objects + 7,
        counts=counts + nothing,
        samples=shown,
    )


@pytest.mark.parametrize(
    ("objects", "samples", "said"),
    [
        (14, 2, f"shown: 2 of 14; more of each: lockstep flow preview incidents --samples {MOST}\n"),
        (14, 0, f"shown: 0 of 14; more of each: lockstep flow preview incidents --samples {MOST}\n"),
        (90, MOST, f"shown: {MOST} of 90\n"),
        (2, 2, ""),
    ],
)
def test_that_there_are_more_is_said(objects: int, samples: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    tell_preview(preview(objects, samples))
    out = capsys.readouterr().out
    assert said in out
    assert ("shown: " in out) is bool(said)
