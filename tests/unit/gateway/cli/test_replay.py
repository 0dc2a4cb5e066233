"""Plans and runs as they are printed: the layout of EXPERIENCE.md section 3, from facts as the verbs give them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.replay_showing import show_diff, show_log, show_moved, show_plan, show_run, speed_line, step_line

AT = 1_763_712_005.0
Facts = dict[str, Any]


def item(action: str, key: str, *diffs: Facts, reason: str = "") -> Facts:
    return {
        "seq": 1,
        "subject": "FO-7",
        "action": action,
        "object_key": key,
        "record": "r1",
        "connection": "jira",
        "reason": reason,
        "diffs": list(diffs),
    }


def change(field: str, got: Any, wanted: Any) -> Facts:
    return {"field": field, "got": got, "wanted": wanted}


def plan(**changes: Any) -> Facts:
    base: Facts = {
        "plan": "rp_7Q2M",
        "by": "nadia",
        "at": AT,
        "good_until": AT + 1800,
        "stale_by_time": False,
        "runs": [],
        "count": 280,
        "sends": 258,
        "pins": {"mappings": {"i/jira": "jira-issue@14 abc"}, "connectors": {"jira": "jira 5.0.1"}},
        "totals": {"create": 31, "prove": 6, "transition": 9, "update": 212, "no_op": 17, "gone": 1, "blocked": 2},
        "first": [
            {"action": "delete", "count": 0, "items": []},
            {"action": "create", "count": 31, "items": [item("create", "INC0041902", change("summary", None, "Mail"))]},
            {"action": "blocked", "count": 1, "items": [item("blocked", "INC0041910", reason="it has left")]},
        ],
        "alike": [
            {"action": "update", "alike": "priority", "count": 140, "different": 1}
            | {"values": [{"changes": [change("priority", "Medium", "High")], "count": 140}]},
            {"action": "update", "alike": "assignee", "count": 72, "different": 12, "values": []},
        ],
        "not_in": [{"action": "no_op", "reason": "jira shows it already", "count": 17}],
        "later": 4,
        "cost": {"calls": 258, "minutes": 12.9, "rate": 20.0, "share": 0.3},
        "told": {
            "systems": [
                {"connection": "jira", "action": "update", "count": 212, "who": "its watchers by mail"},
                {"connection": "crm", "action": "create", "count": 31, "who": ""},
            ],
            "ours": [{"event": "run_finished", "to": ["ops"]}, {"event": "recovered", "to": []}],
        },
        "live": [
            {"connection": "jira", "lag_s": 4.0, "adds_s": 2.5},
            {"connection": "crm", "lag_s": 0.0, "adds_s": None},
        ],
        "limits": {"most_creates": 50, "most_deletes": 0, "in_a_row": 3, "share_failed": 0.05, "ramp": [1, 5, 20]}
        | {"wait_after": 2},
        "approval": {"needed": False, "why": "", "by": "", "at": None},
    }
    return {**base, **changes}


def test_a_plan_says_everything_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(plan(), "prod")
    times = "\u00d7"
    assert capsys.readouterr().out.splitlines() == [
        "rp_7Q2M · prod · nothing has been sent",
        "Pinned  280 items · jira-issue@14 · jira 5.0.1 · by nadia 08:00:05Z · good until 08:30:05Z",
        "",
        "  - delete 0    + create 31    ? prove first 6    > transition 9    ~ update 212    = skip 18    ! blocked 2",
        "",
        "Look at these first",
        (
            '  + create  INC0041902 in jira   summary "Mail"   FO-7'
            "   (30 more: lockstep replay show rp_7Q2M --action create)"
        ),
        "  ! blocked INC0041910 in jira   it has left   FO-7",
        "",
        "Alike",
        f'  ~  140 {times}   priority "Medium" → "High"',
        f"  ~   72 {times}   assignee                 12 different values",
        "",
        f"Not in    17 {times} no op: jira shows it already",
        "Not in    4 cases came in after the selection",
        f"Told      jira, of 212 {times} update: its watchers by mail",
        f"Told      crm, of 31 {times} create: not known; its connector says nothing of mails",
        "Told      lockstep, when the run is over: ops",
        "Told      lockstep, when the cases recover: nobody, no rule asks for it",
        "Live      jira: oldest unfinished change 4 s; a fresh one: at most 2 s longer",
        "Live      crm: oldest unfinished change 0 s; a fresh one: no budget is set for it",
        "Cost      258 calls or more · replay share 20/min → about 13 min · live keeps 70 %",
        "Guards    create 31 of 50 · delete 0 of 0 · stop at 3 failures in a row or 5 %",
        "Ramp      1 → 5 → 20 → rest, waits for you after step 2",
        "",
        "Run exactly this:  lockstep replay run rp_7Q2M",
    ]


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"sends": 0}, "Nothing to send: 18 need nothing any more"),
        ({"approval": {"needed": True, "why": "many", "by": ""}}, "Somebody else:  lockstep replay approve rp_7Q2M"),
        ({"approval": {"needed": True, "why": "many", "by": "omar", "at": AT}}, "Run exactly this:"),
    ],
)
def test_the_end_of_a_plan_is_the_next_step(capsys: pytest.CaptureFixture[str], changes: Facts, last: str) -> None:
    show_plan(plan(**changes), "prod")
    assert capsys.readouterr().out.splitlines()[-1].startswith(last)


def test_a_stale_plan_names_what_moved(capsys: pytest.CaptureFixture[str]) -> None:
    moved = {"item": "OPS-2231", "what": "priority", "was": "Medium", "now": "Low", "by": "jira", "at": AT}
    show_moved("rp_7Q2M", 258, [moved])
    assert capsys.readouterr().err.splitlines() == [
        "Checking pins … 1 of 258 moved",
        "Plan is stale, nothing was sent",
        '  OPS-2231  priority   pinned "Medium", now "Low"   changed 08:00:05Z by jira',
        "Next  lockstep replay plan --again rp_7Q2M      shows only what differs",
    ]
    show_moved("rp_7Q2M", 258, [{**moved, "by": ""}] * 25)
    assert "  and 5 more" in capsys.readouterr().err.splitlines()


def run(**changes: Any) -> Facts:
    steps = [{"size": 1, "done": 1, "counts": {"applied": 1}}, {"size": 232, "done": 88, "counts": {"applied": 86}}]
    steps[1]["counts"] = {"applied": 85, "unchanged": 1, "failed": 2, "waiting": 144}
    base: Facts = {
        "run": "rr_9F1A",
        "word": "ended with open ends",
        "reason": "",
        "count": 258,
        "counts": {"applied": 248, "unchanged": 5, "failed": 2, "unknown": 3},
        "applied_by": {"read_back": 246, "answer": 2},
        "troubles": [
            {"outcome": "unknown", "reason": "no answer", "count": 3, "cases": ["FO-1861"]},
            {"outcome": "failed", "reason": "component is required", "count": 2, "cases": []},
        ],
        "steps": steps,
        "rate": 20.0,
        "left_s": 480.0,
        "lag_s": {"jira": 4.0},
        "lag_before_s": {"jira": 1.0},
        "ended_at": AT,
        "log": [
            {"at": AT + 5, "text": "over", "by": ""},
            {"at": AT, "text": "paused: lunch", "by": "nadia"},
        ],
    }
    return {**base, **changes}


def test_a_run_adds_up_and_says_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    show_run(run())
    times = "\u00d7"
    assert capsys.readouterr().out.splitlines() == [
        "rr_9F1A ended with open ends",
        "  258 = 248 applied (246 read back, 2 by answer only) + 5 unchanged + 2 failed + 3 unknown",
        f"  unknown   3 {times} no answer   FO-1861",
        f"  failed    2 {times} component is required",
        "  take these into a new plan: lockstep replay plan --left rr_9F1A",
    ]
    show_log(run())
    assert capsys.readouterr().out.splitlines() == ["  08:00:05Z  paused: lunch · nadia", "  08:00:10Z  over"]


def test_a_step_is_a_bar_with_its_outcomes() -> None:
    line = step_line(run(), 1).replace("\u2588", "#").replace(" " * 7, " ------ ")
    assert line.startswith("step 2/2  ###") and line.endswith("88/232     applied 85  unchanged 1  failed 2")
    assert speed_line(run()) == "20/min · 8 min left · live lag 4 s (before 1 s)"
    assert "less than a minute left" in speed_line(run(left_s=3.0, lag_s={}, lag_before_s={}))


def test_a_difference_is_told_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    side = {"action": "update", "reason": "", "diffs": [change("priority", "Medium", "High")]}
    changed = {"subject": "FO-1", "object_key": "OPS-1", "was": side, "now": {**side, "diffs": [], "reason": "gone"}}
    added = {"subject": "FO-2", "object_key": "", "was": None, "now": side}
    show_diff({"plan": "rp_2", "again": "rp_1", "same": 7, "added": [added], "dropped": [], "changed": [changed]})
    assert capsys.readouterr().out.splitlines() == [
        "rp_2 against rp_1: 7 the same",
        '  + FO-2   not in it → update priority "High"',
        '  ~ OPS-1   update priority "High" → update gone',
    ]
    show_diff({"plan": "rp_2", "again": ""})
    assert capsys.readouterr().out == "rp_2 replaces no other plan\n"
