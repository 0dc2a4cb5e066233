"""Every verb by name, and where it can be typed. A new verb is not here: whoever adds it says where it works."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pytest

from gateway.cli import port, verbs
from gateway.cli.everywhere import verbs_of
from gateway.cli.local import Local
from gateway.cli.nouns import app_of
from gateway.cli.remote import Remote
from gateway.cli.remote_replays import RemoteReplays
from tests.cli.conftest import Typist
from tests.unit.gateway.cli.conftest import Run

BOTH = """
now; whoami; apply
case list, groups, show, stats, export, file, approvals, look, retry, resolve, declare, accept, discard, close, correct
case claim, release, delegate, assign, escalate, park, unpark, note, link, attach, approve, reject, withdraw, split
case merge; case task add, task take, task done, task drop
record why, show, history, look, resync, erase
replay plan, show, diff, approve, run, pause, resume, stop, list
connection list, show, pause, resume, disable, enable
flow list, show, history, preview, shadow, live, disable
leaver list, show, plan, now, tell, import, hold, release, cancel, recheck, which, answer, done, statement
leaver guard list, guard show, guard allow, guard refuse
mapping list
audit list, show, tail, export, chain
report list, show
hold list, add, release
archive list, show, verify
siem status, test, resend
notification list, test, replay
token create, list, revoke
"""
HERE = """
demo; run; check; reconcile; sandbox; console
connection sweep, rotate
audit verify, key, accept
secret set, list, remove, rotate-key
connector list, test
user add, list, set, disable, enable, password, sign-out
mapping versions, show, diff, run, test, backtest, publish, approve
"""
NOWHERE = """
login; version; help exit-codes
connector lint, test-file, init, show, schema
siem verify, verifier
leaver verify
"""


def named(text: str) -> set[tuple[str, ...]]:
    """`case list, show` is two verbs of one noun."""
    found: set[tuple[str, ...]] = set()
    for line in text.replace("\n", ";").split(";"):
        noun, _, rest = line.strip().partition(" ")
        if noun:
            found |= {(noun, *each.split()) for each in rest.split(",")} if rest else {(noun,)}
    return found


THERE_ARE = {path for path, _ in verbs_of(app_of())}


def test_every_verb_is_named_once() -> None:
    assert named(BOTH) | named(HERE) | named(NOWHERE) == THERE_ARE
    assert not named(BOTH) & named(HERE)


@pytest.mark.parametrize("path", sorted(THERE_ARE), ids=" ".join)
def test_each_works_where_it_says(path: tuple[str, ...], run: Run) -> None:
    wanted = "both" if path in named(BOTH) else "here" if path in named(HERE) else "nowhere"
    assert verbs.where(path).name.casefold() == wanted
    said = run(*path, "--help")
    assert said.code == 0
    assert ("--ca-file" in said.out) is (wanted == "both" or path == ("login",))
    assert ("--idempotency-key" in said.out) is (path in verbs.WRITES)
    assert ("--watch" in said.out) is (path in verbs.WATCHED)


@pytest.mark.parametrize("path", sorted(named(HERE)), ids=" ".join)
def test_what_works_only_here_says_so(path: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = {
        ("reconcile",): ["incidents"],
        ("connection", "sweep"): ["jira"],
        ("connection", "rotate"): ["jira"],
        ("secret", "set"): ["jira", "password"],
        ("secret", "remove"): ["jira", "password"],
        ("connector", "test"): ["jira"],
        ("user", "add"): ["ann", "--role", "viewer"],
        ("audit", "accept"): ["5", "--reason", "a drill"],
    }
    needed |= {("mapping", verb): ["x@1"] for verb in ("versions", "show", "run", "test", "publish", "approve")}
    needed |= {("mapping", "diff"): ["x@1", "x@2"]}
    words = [*path, *needed.get(path, ["ann"] if path[0] == "user" and path[1] != "list" else [])]
    said = run(*words, "--url", "https://lockstep.example.com")
    assert (said.code, said.out) == (2, ""), said
    assert "works only on this machine" in said.err and "leave --url out" in said.err
    monkeypatch.setenv("LOCKSTEP_URL", "https://lockstep.example.com")
    said = run(*words)
    assert (said.code, "unset LOCKSTEP_URL" in said.err) == (2, True)


def test_a_gateway_here_and_one_elsewhere_are_not_both_meant(here: Typist, there: Typist) -> None:
    said = there("now", "--config", str(here.file), "--url", "https://lockstep.example.com")
    assert (said.code, "either --config" in said.err) == (2, True)
    # An address that only the environment names gives way to a file that was typed.
    assert there("now", "--config", str(here.file)).code == 0


GROUPS = get_type_hints(port.Gateway)


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_the_port_is_what_the_verbs_are(group: str) -> None:
    """Here the verbs themselves answer: each exists, and takes what the port says after the place and the person."""
    local: Any = getattr(Local(None, None), group)  # type: ignore[arg-type]
    remote: Any = getattr(Remote(None), group)  # type: ignore[arg-type]
    asked = [name for name, each in vars(GROUPS[group]).items() if inspect.isfunction(each) and name[0] != "_"]
    assert asked
    for name in asked:
        wanted = list(inspect.signature(getattr(GROUPS[group], name)).parameters)[1:]
        elsewhere = inspect.signature(getattr(remote, name)).parameters
        assert list(elsewhere) == wanted, name
        there = inspect.signature(getattr(local, name)).parameters
        loose = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in there.values())
        assert loose or set(wanted) <= set(there), name


def test_nothing_of_the_port_is_left_out_elsewhere() -> None:
    # Would `getattr` answer for names that are not there, the test above could not fail.
    with pytest.raises(AttributeError):
        _ = RemoteReplays(None).fly  # type: ignore[arg-type, attr-defined]
