"""Every verb says the same beside the configuration and at a gateway elsewhere: output, document and exit code.

Would the normalising hide a difference, `test_what_differs_is_seen` would not fail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Typist

Step = tuple[str, tuple[str, ...]]
"""Who types what. `{1}` is the first id that the step before printed."""

_ALIKE: Sequence[tuple[str, str]] = (
    (r"token (ada|bea|vic)", r"\1"),
    (r"token:declared:|local:", "person:"),
    (r"(\b(?:rp|rr|rs|ap|msg|file|task|sel|ch)_|\bau)[0-9A-Za-z]{8,}", r"\1ID"),
    (r"\bgroup:FO-5:0:\d+", "group:NEW"),
    (r'(--(?:after|below) |"next": ")[^\s"]+', r"\1CURSOR"),
    (r',\s*"trace": ?"[0-9a-f]{32}"', ""),  # of a request
    (r"sha-256:[0-9a-f]+|\b[0-9a-f]{64}\b", "DIGEST"),
    (r'"signature":"[^"]+"', '"signature":"SIGNED"'),
    (r"\b(configuration\W+)[0-9a-f]{12}\b", r"\1CONFIG"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|\+00:00)", "TIME"),
    (r"\b\d\d:\d\d:\d\dZ", "CLOCK"),
    (r"\b\d{9,10}(\.\d+)?\b", "EPOCH"),
    (r"\b\d+ (s|min|h|d)\b", "SPAN"),
    (r'("(?:oldest_s|mean_s|longest_s|left_s|age_s|in_s|out_s)": )[0-9.e-]+', r"\1SPAN"),
)

SECOND = """\
connections:
  second:
    connector: jira
    url: http://127.0.0.1:18993
    auth: {bearer: {token: "secret:token"}}
"""
OTHER = f"""{SECOND}  third:
{SECOND.partition("  second:" + chr(10))[2]}flows:
  other:
    type: incident
    members:
      second: {{object: issue, mapping: jira-issue, with: {{project: A, issuetype: Task}}}}
      third: {{object: issue, mapping: jira-issue, with: {{project: B, issuetype: Task}}}}
"""
PARTS = {"second": SECOND, "broken": SECOND.replace("bearer", "bearr"), "other": OTHER}

STORIES: dict[str, tuple[Step, ...]] = {
    "reading": (
        ("ada", ("now",)),
        ("ada", ("now", "--json")),
        ("ada", ("case", "list")),
        ("ada", ("case", "list", "--json", "--limit", "2", "--sort", "priority")),
        ("ada", ("case", "list", "--text", "OPS-1", "--owner", "", "--state", "open", "--late")),
        ("ada", ("case", "list", "--state", "nonsense")),
        (
            "ada",
            (
                "case",
                "groups",
            ),
        ),
        ("ada", ("case", "groups", "--by", "connection", "--cause", "field.refused", "--json")),
        ("ada", ("case", "show", "FO-1")),
        ("ada", ("case", "show", "FO-1", "--json")),
        ("ada", ("case", "show", "FO-404")),
        ("ada", ("case", "stats", "--since", "2020-01-01")),
        ("ada", ("case", "stats", "--json", "--since", "2020-01-01")),
        (
            "ada",
            (
                "case",
                "export",
            ),
        ),
        ("ada", ("case", "export", "--format", "csv", "--text", "OPS-2")),
        ("ada", ("case", "approvals")),
        ("ada", ("record", "why", "jira", "OPS-1")),
        ("ada", ("record", "why", "jira", "OPS-1", "--json")),
        ("ada", ("record", "show", "snow", "INC0010001")),
        ("ada", ("record", "show", "snow", "INC0010001", "--json")),
        ("ada", ("record", "history", "jira", "10001")),
        ("ada", ("record", "history", "jira", "10001", "--json", "--limit", "1")),
        ("ada", ("record", "look", "jira", "OPS-1", "--json")),
        ("ada", ("record", "look", "jira", "OPS-1")),
        ("ada", ("record", "why", "jira", "OPS-404")),
        ("ada", ("record", "why", "crm", "1")),
        ("ada", ("connection", "list")),
        ("ada", ("connection", "list", "--json")),
        ("ada", ("connection", "show", "jira")),
        ("ada", ("connection", "show", "crm")),
        ("ada", ("mapping", "list")),
        ("ada", ("mapping", "list", "--json")),
        ("ada", ("notification", "list")),
        ("ada", ("notification", "list", "--json")),
        ("ada", ("notification", "list", "pigeon")),
        ("ada", ("token", "revoke", "tok_no_such_token")),
        ("ada", ("replay", "list")),
        ("ada", ("replay", "show", "rp_nosuchplan")),
        ("ada", ("replay", "pause", "rr_nosuchrun")),
    ),
    "working": (
        ("ada", ("case", "claim", "FO-2", "FO-3")),
        ("ada", ("case", "claim", "FO-2", "--json")),
        ("ada", ("case", "delegate", "FO-2", "bea", "--reason", "on leave")),
        ("ada", ("case", "assign", "FO-2", "cy")),
        ("ada", ("case", "escalate", "FO-3", "--reason", "too much for me")),
        ("ada", ("case", "park", "FO-4", "--until", "7d", "--reason", "vendor")),
        ("ada", ("case", "park", "FO-4", "--until", "whenever")),
        ("ada", ("case", "unpark", "FO-4")),
        ("ada", ("case", "note", "FO-4", "seen it")),
        ("ada", ("case", "link", "FO-4", "https://bugs.example.com/1", "--title", "the bug")),
        ("ada", ("case", "link", "FO-4", "ftp://x")),
        ("ada", ("case", "attach", "FO-4", "{file}")),
        ("ada", ("case", "task", "add", "FO-4", "call them", "--kind", "contact")),
        ("ada", ("case", "task", "done", "FO-4", "no-such-task", "--note", "done")),
        ("ada", ("case", "release", "FO-3")),
        ("ada", ("case", "show", "FO-4")),
        ("ada", ("case", "show", "FO-4", "--json")),
        ("ada", ("case", "split", "FO-5", "--title", "apart", "--reason", "other cause")),
        ("ada", ("case", "split", "FO-5", "--reason", "no title")),
        (
            "ada",
            (
                "case",
                "groups",
            ),
        ),
        ("bea", ("case", "list", "--owner", "bea")),
    ),
    "deciding": (
        ("ada", ("case", "close", "FO-2", "--reason", "seen to")),
        ("ada", ("case", "close", "FO-2", "--reason", "seen to")),
        ("ada", ("case", "close", "FO-3", "FO-404", "--reason", "seen to")),
        ("ada", ("case", "close", "FO-4", "--reason", "seen to", "--expect", "7")),
        ("ada", ("case", "close", "FO-4", "--reason", "seen to", "--json")),
        ("ada", ("case", "close", "FO-5", "FO-6", "--reason", "seen to", "--json")),
        ("ada", ("case", "close", "FO-7")),
        ("ada", ("case", "retry", "FO-1", "--reason", "again")),
        ("ada", ("case", "discard", "FO-9", "--reason", "not needed", "--no-input")),
        ("ada", ("case", "discard", "FO-9", "--reason", "not needed", "--yes")),
        ("ada", ("case", "declare", "FO-10", "--applied", "--proof", "seen", "--reason", "x", "--yes")),
        ("ada", ("case", "resolve", "FO-1", "--keep", "snow", "--plan")),
        ("ada", ("case", "correct", "FO-1", "--field", "summary", "--new", "better", "--plan")),
        ("ada", ("case", "correct", "FO-1", "--field", "summary", "--new", "better", "--plan", "--json")),
        ("ada", ("case", "correct", "FO-1", "--field", "priority", "--new", "purple", "--plan")),
        ("ada", ("case", "correct", "FO-1", "--field", "shoe size", "--new", "9", "--plan")),
        ("ada", ("case", "look", "FO-1")),
        ("ada", ("case", "look", "FO-1", "FO-404", "--json")),
        ("ada", ("audit", "list", "--what", "case_", "--limit", "3")),
        ("ada", ("audit", "list", "--what", "case_", "--limit", "3", "--json")),
        ("ada", ("audit", "export", "--what", "case_")),
        ("ada", ("hold", "add", "case", "FO-3", "--reason", "a claim")),
        ("ada", ("hold", "add", "flow", "nosuch", "--reason", "a claim")),
        ("ada", ("hold", "list", "--json")),
        ("ada", ("hold", "release", "LH-1", "--reason", "settled")),
        ("ada", ("hold", "release", "LH-9", "--reason", "settled")),
        ("ada", ("archive", "list")),
        ("ada", ("archive", "show", "7")),
        ("ada", ("archive", "verify", "--json")),
        ("ada", ("record", "erase", "jira", "OPS-1", "--reason", "asked to", "--yes")),
        ("ada", ("report", "list")),
        ("ada", ("report", "show", "completion", "--until", "2036-01-01T00:00:00Z", "--since", "2016-01-01T00:00:00Z")),
        ("ada", ("report", "show", "approvals", "--format", "csv")),
        ("ada", ("report", "show", "nothing")),
    ),
    "four eyes": (
        ("ada", ("case", "discard", "FO-8", "FO-9", "--reason", "not needed", "--yes")),
        ("ada", ("case", "approvals")),
        ("ada", ("case", "approvals", "--json")),
        ("ada", ("case", "approve", "ap_no_such", "--yes")),
        ("bea", ("case", "approve", "ap_no_such")),
    ),
    "replaying": (
        ("ada", ("replay", "plan", "--cause", "no.such.cause")),
        ("ada", ("replay", "plan", "FO-1")),
        ("ada", ("replay", "show", "{plan}")),
        ("ada", ("replay", "show", "{plan}", "--json")),
        ("ada", ("replay", "show", "{plan}", "--action", "update")),
        ("ada", ("replay", "diff", "{plan}")),
        ("ada", ("replay", "plan", "--again", "{plan}", "--json")),
        ("ada", ("replay", "plan", "FO-1", "--rate", "5", "--ramp", "1,2", "--wait-after", "1")),
        ("ada", ("replay", "approve", "{plan}")),
        ("ada", ("replay", "run", "{plan}", "--wait", "0s", "--json")),
        ("ada", ("replay", "pause", "{run}", "--reason", "lunch")),
        ("ada", ("replay", "resume", "{run}")),
        ("ada", ("replay", "stop", "{run}", "--json")),
        ("ada", ("replay", "show", "{run}", "--outcome", "waiting")),
        ("ada", ("replay", "list")),
        ("ada", ("replay", "list", "--plans")),
        ("ada", ("replay", "list", "--plans", "--json", "--limit", "1")),
        ("ada", ("record", "resync", "jira", "OPS-1")),
    ),
    "stages": (
        ("ada", ("flow", "list")),
        ("ada", ("flow", "show", "incidents", "--json")),
        ("ada", ("flow", "live", "incidents", "--plan")),
        ("ada", ("flow", "shadow", "incidents", "--reason", "a look first")),
        ("ada", ("flow", "shadow", "nosuch")),
        ("ada", ("flow", "show", "incidents")),
        ("ada", ("flow", "preview", "incidents")),
        ("ada", ("flow", "preview", "incidents", "--json", "--connection", "snow", "--samples", "1")),
        ("ada", ("flow", "live", "incidents", "--no-input")),
        ("ada", ("flow", "live", "incidents", "--yes", "--json")),
        ("ada", ("flow", "disable", "incidents", "--json")),
        ("ada", ("flow", "history", "incidents")),
        ("ada", ("flow", "list", "--json")),
    ),
    "registering": (
        ("ada", ("apply", "--plan", "{second}")),
        ("ada", ("apply", "--plan", "--json", "--exit-changes", "{second}")),
        ("ada", ("apply", "{second}", "--no-input")),
        ("ada", ("apply", "{second}", "--yes", "--reason", "a second one")),
        ("ada", ("apply", "{second}", "--yes")),
        ("ada", ("apply", "{broken}", "--yes")),
        ("ada", ("apply", "{other}", "--remove", "flow/incidents", "--yes")),
        ("ada", ("apply", "--remove", "connection/second", "--yes", "--reason", "not wanted")),
        ("ada", ("apply", "--remove", "flow/nosuch")),
        ("ada", ("apply", "--history")),
        ("ada", ("apply", "--history", "--json")),
    ),
    "pausing": (
        ("ada", ("connection", "pause", "jira", "--for", "2h", "--reason", "maintenance")),
        ("ada", ("connection", "pause", "jira", "--for", "99d", "--reason", "too long")),
        ("ada", ("connection", "pause", "crm", "--for", "2h", "--reason", "x")),
        ("ada", ("connection", "pause", "jira", "--for", "2h")),
        ("ada", ("connection", "list", "--json")),
        ("ada", ("connection", "resume", "jira", "--direction", "out", "--json")),
        ("ada", ("connection", "resume", "jira")),
        ("ada", ("connection", "disable", "jira")),
        ("ada", ("connection", "disable", "jira", "--reason", "their migration")),
        ("ada", ("connection", "show", "jira")),
        ("ada", ("record", "why", "jira", "OPS-1")),
        ("ada", ("connection", "enable", "crm", "--reason", "x")),
        ("ada", ("connection", "enable", "jira", "--reason", "done", "--json")),
        ("ada", ("notification", "test", "log", "--wait", "0")),
        ("ada", ("notification", "list", "log", "--json")),
        ("ada", ("notification", "replay", "log", "--since", "2h", "--plan")),
        ("ada", ("notification", "replay", "log", "--plan")),
    ),
}


def alike(text: str, typist: Typist) -> str:
    for old, new in ((str(typist.file), "PLACE"), (typist.url or "\0", "PLACE")):
        text = text.replace(old, new)
    for pattern, instead in _ALIKE:
        text = re.sub(pattern, instead, text)
    return text


def told(typist: Typist, steps: Sequence[Step], file: Path) -> list[dict[str, Any]]:
    """What each step said, what is never the same twice made alike."""
    known = {"file": str(file), "plan": "", "run": "", **{name: str(file.parent / f"{name}.yaml") for name in PARTS}}
    found = []
    for who, words in steps:
        said = typist(*(word.format_map(known) if "{" in word else word for word in words), by=who)
        for name, prefix in (("plan", "rp_"), ("run", "rr_")):
            if ids := re.findall(rf"\b{prefix}[0-9A-Z]{{8,}}\b", said.out):
                known[name] = known[name] or ids[0]
        found.append(
            {
                "typed": " ".join(words),
                "code": said.code,
                "out": alike(said.out, typist),
                "err": _common(alike(said.err, typist)),
            }
        )
    return found


def _common(err: str) -> str:
    """Talk without the lines that say which gateway carries something out."""
    return "\n".join(line for line in err.splitlines() if " by: " not in line)


@pytest.mark.parametrize("chapter", STORIES)
def test_the_same_here_and_there(chapter: str, here: Typist, there: Typist, tmp_path: Path) -> None:
    file = tmp_path / "note.txt"
    file.write_text("what I saw")
    for name, text in PARTS.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    local, remote = told(here, STORIES[chapter], file), told(there, STORIES[chapter], file)
    differ = [(mine, theirs) for mine, theirs in zip(local, remote, strict=True) if mine != theirs]
    assert not differ, "\n\n".join(f"here  {mine}\nthere {theirs}" for mine, theirs in differ)
    assert not [each for each in local if "Traceback" in each["err"]]
    assert {each["code"] for each in local} != {2}, local


def test_what_differs_is_seen(here: Typist, there: Typist, tmp_path: Path) -> None:
    there("case", "claim", "FO-2")
    step: list[Step] = [("ada", ("case", "show", "FO-2", "--json"))]
    assert told(here, step, tmp_path) != told(there, step, tmp_path)
