"""Every verb, and where it can be typed: the one table behind `--url`, `--watch` and the refusals of both."""

from __future__ import annotations

from enum import Enum, auto

Path = tuple[str, ...]


class Where(Enum):
    """What a verb works on."""

    BOTH = auto()
    """A gateway: the one of the configuration here, or one elsewhere by its API."""
    HERE = auto()
    """Files, processes or tables of this machine."""
    NOWHERE = auto()
    """No gateway at all, or it says itself which: the flags of a gateway are nothing to it."""


READS: frozenset[Path] = frozenset(
    {
        ("now",),
        ("whoami",),
        *(("case", verb) for verb in ("list", "groups", "show", "stats", "export", "file", "approvals")),
        *(("record", verb) for verb in ("why", "show", "history", "look")),
        *(("replay", verb) for verb in ("show", "diff", "list")),
        *(("connection", verb) for verb in ("list", "show")),
        *(("flow", verb) for verb in ("list", "show", "history", "preview")),
        *(("leaver", verb) for verb in ("list", "show", "plan", "statement")),
        *(("leaver", "guard", verb) for verb in ("list", "show")),
        ("mapping", "list"),
        *(("audit", verb) for verb in ("list", "export", "chain")),
        *(("report", verb) for verb in ("list", "show")),
        ("hold", "list"),
        *(("archive", verb) for verb in ("list", "show", "verify")),
        *(("audit", verb) for verb in ("list", "show", "tail", "export", "chain")),
        ("notification", "list"),
        ("siem", "status"),
        ("token", "list"),
    }
)
"""Verbs that change nothing, at either place."""

WRITES: frozenset[Path] = frozenset(
    {
        *(("case", verb) for verb in ("look", "retry", "resolve", "declare", "accept", "discard", "close", "correct")),
        *(("case", verb) for verb in ("claim", "release", "delegate", "assign", "escalate", "park", "unpark")),
        *(("case", verb) for verb in ("note", "link", "attach", "approve", "reject", "withdraw", "split", "merge")),
        *(("case", "task", verb) for verb in ("add", "take", "done", "drop")),
        ("record", "resync"),
        ("record", "erase"),
        *(("hold", verb) for verb in ("add", "release")),
        ("apply",),
        *(("replay", verb) for verb in ("plan", "approve", "run", "pause", "resume", "stop")),
        *(("connection", verb) for verb in ("pause", "resume", "disable", "enable")),
        *(("flow", verb) for verb in ("shadow", "live", "disable")),
        *(("leaver", verb) for verb in ("now", "tell", "import", "hold", "release", "cancel", "recheck")),
        *(("leaver", verb) for verb in ("which", "answer", "done")),
        *(("leaver", "guard", verb) for verb in ("allow", "refuse")),
        *(("notification", verb) for verb in ("test", "replay")),
        *(("siem", verb) for verb in ("test", "resend")),
        *(("token", verb) for verb in ("create", "revoke")),
    }
)
"""Verbs that change something, at either place: an Idempotency-Key goes with them."""

WATCHED: frozenset[Path] = frozenset(
    {
        ("now",),
        *(("case", verb) for verb in ("list", "groups", "show", "stats", "approvals")),
        *(("record", verb) for verb in ("why", "show", "history")),
        *(("replay", verb) for verb in ("show", "list")),
        *(("connection", verb) for verb in ("list", "show")),
        *(("flow", verb) for verb in ("list", "show", "preview")),
        *(("leaver", verb) for verb in ("list", "show")),
        ("mapping", "list"),
        *(("audit", verb) for verb in ("list", "chain")),
        ("notification", "list"),
        ("siem", "status"),
        ("token", "list"),
    }
)
"""Verbs whose answer can be asked for again and again."""

ONLY_HERE: dict[Path, str] = {
    ("demo",): "it makes systems and a gateway of its own",
    ("run",): "it starts the gateway of a configuration",
    ("check",): "it reads a configuration and its mappings",
    ("reconcile",): "its plans are kept beside the configuration, and the API has none of it",
    ("sandbox",): "it starts stand-ins",
    ("console",): "it makes a link for whoever can open the database; elsewhere, sign in",
    ("connection", "sweep"): "the API has none of it",
    ("connection", "rotate"): "it opens the store of credentials",
    **{
        ("secret", verb): "values are sealed with the master key, which stays where the database is"
        for verb in ("set", "list", "remove", "rotate-key")
    },
    ("audit", "verify"): "it reads the whole trail past the gateway, which could say anything of itself",
    ("audit", "key"): "the key that signs stays where the gateway is",
    ("audit", "accept"): "whoever answers for a break can open the database",
    **{("connector", verb): "it is about the connectors that are installed here" for verb in ("list", "test")},
    **{
        ("mapping", verb): "it works on files and stored versions of the configuration here"
        for verb in ("versions", "show", "diff", "run", "test", "backtest", "publish", "approve")
    },
    **{
        ("user", verb): "people are added and changed where the database is, in the console, or by /v1/people"
        for verb in ("add", "list", "set", "disable", "enable", "password", "sign-out")
    },
}
"""Verbs that make no sense elsewhere, or that a gateway does not offer there, and why."""

NOWHERE: frozenset[Path] = frozenset(
    {
        *(("login",), ("version",), ("help", "exit-codes")),
        *(("connector", verb) for verb in ("lint", "test-file", "init", "show", "schema")),
        *(("siem", verb) for verb in ("verify", "verifier")),
        ("leaver", "verify"),
    }
)


def where(path: Path) -> Where:
    """Where the verb can be typed; one that is in no table only here."""
    if path in READS or path in WRITES:
        return Where.BOTH
    return Where.NOWHERE if path in NOWHERE else Where.HERE
