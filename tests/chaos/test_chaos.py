"""The chaos run itself: same seed, same schedules; it goes on where it was; and it condemns what is broken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.chaos.__main__ import main
from tests.chaos.campaign import PART, Campaign
from tests.chaos.detection import BEYOND, MECHANISMS, MOST, find
from tests.chaos.printing import as_trace
from tests.chaos.work import Player, Violation, schedule, settings_of
from tests.promises.test_traces import read
from tests.support.broken import WITHOUT


def test_schedules_of_a_campaign_are_its_own() -> None:
    size = len(settings_of())
    first = [schedule(7, number) for number in range(2 * size)]
    assert first == [schedule(7, number) for number in range(2 * size)]
    assert {one.setting for one in first[:size]} == set(settings_of()), "every setting has its turn"
    assert not {(o.setting, o.seed) for o in first} & {
        (o.setting, o.seed) for o in (schedule(8, n) for n in range(size))
    }


def test_the_same_schedule_is_played_again() -> None:
    """The times are simulated: nothing depends on how fast this machine is."""
    player = Player()
    try:
        for number in range(4):
            one = schedule(3, number, "fire_mix")
            assert player.play(one) == player.play(one)
    finally:
        player.close()


def test_a_campaign_passes_and_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    assert main(["--schedules", "4", "--jobs", "1", "--resume", str(state), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["schedules"] == 4
    assert "4 of 4 schedules, 0 violations" in err
    assert Campaign.load(state).schedules == 4


def test_what_was_played_is_not_played_again(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    campaign = Campaign(5, done={0, 2})
    campaign.violations.append(Violation(1, "bare", 2, "P1", "gone", ("crash", "wait")))
    campaign.save(file)
    again = Campaign.load(file)
    assert again == campaign
    assert list(again.parts(3 * PART + 1)) == [(1, range(PART, 2 * PART)), (3, range(3 * PART, 3 * PART + 1))]


def test_a_state_of_another_campaign_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    Campaign(5).save(file)
    with pytest.raises(SystemExit) as stopped:
        main(["--seed", "6", "--resume", str(file)])
    assert stopped.value.code == 2


def test_a_broken_gateway_is_condemned(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and a trace in the form that test_traces.py takes, short enough to read."""
    arguments = ["--schedules", "3", "--jobs", "1", "--setting", "counter_kept", "--without", "ECHO"]
    assert main(arguments) == 1
    out = capsys.readouterr().out
    trace = out.split('"""')[1]
    assert 1 <= len(read(" ".join(trace.split()))) <= 12
    assert '"counter_kept",' in out


def test_a_violation_is_printed_as_a_trace() -> None:
    found = Violation(3, "bare", 9, "P4", 'the value "x" is gone', ("edit b b0 y new", "wait"))
    printed = as_trace(found)
    assert eval("{" + printed + "}") == {
        "P4: the value 'x' is gone": ("bare", "\n        edit b b0 y new; wait\n        ")
    }


@pytest.mark.parametrize(
    ("mechanism", "first"), [("DELIVERY KEYS", 0), ("FREE OUTAGE", 34), ("DURABLE ANSWER", 5), ("TOMB", 17)]
)
def test_a_missing_mechanism_is_found_out(mechanism: str, first: int) -> None:
    """Beginning with the schedule that was seen to do it: `make chaos ARGS=--broken` begins with the first."""
    assert find(0, MOST, mechanism, first=first).promise


def test_every_mechanism_is_tried_or_excused() -> None:
    assert set(MECHANISMS) | set(BEYOND) == set(WITHOUT)
