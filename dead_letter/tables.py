"""Tables of cases, their history, and what people add to them.

The human number is the primary key and comes from the database's generator (identity on PostgreSQL, AUTOINCREMENT
on SQLite). A counter row would be locked from the first case of a transaction to its commit: all workers would queue
behind it, and it could deadlock with the records they hold. The price is gaps after a rollback; none is given twice.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    literal_column,
    text,
)

metadata = MetaData()

_Serial = BigInteger().with_variant(Integer, "sqlite")

cases = Table(
    "cases",
    metadata,
    Column("number", _Serial, Identity(), primary_key=True),  # set by the database; FO-<number>
    Column("key", Text, nullable=False),  # unique while open
    Column("cls", Text, nullable=False),  # CaseClass
    Column("cause", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("flow", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("object_key", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON, redacted before it came here; the latest
    Column("fingerprint", Text, nullable=False),
    Column("state", Text, nullable=False),  # CaseState
    Column("version", Integer, nullable=False),  # +1 with everything a decision may depend on
    Column("count", Integer, nullable=False),  # +1 each time it is asked for while open
    Column("first_seen", Float, nullable=False),
    Column("last_seen", Float, nullable=False),
    Column("former", _Serial),  # number of the closed case with the same key, set when opened
    Column("closed_at", Float),  # set once, with ending, closed_by and reason
    Column("ending", Text, nullable=False),  # Ending
    Column("closed_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("owner", Text, nullable=False, server_default=""),  # a person's name; set by claim, assign, ...
    Column("work", Integer, nullable=False, server_default="0"),  # +1 with every step of people's work
    Column("group_key", Text, nullable=False, server_default=""),  # set when opened, by split and by merge
    Column("priority", Integer, nullable=False, server_default="0"),  # this and the next five: by the upkeep
    Column("level", Text, nullable=False, server_default="normal"),
    Column("due_at", Float, nullable=False, server_default="0"),
    Column("warn_at", Float, nullable=False, server_default="0"),
    Column("reasons", Text, nullable=False, server_default="[]"),  # JSON: parts of the priority
    Column("ranked_at", Float, nullable=False, server_default="0"),  # 0: by what was known when it opened
    Column("told", Integer, nullable=False, server_default="0"),  # of its due time: 0 nothing, 1 near, 2 over
    Column("escalated", Integer, nullable=False, server_default="0"),  # how often
    Column("park", Text, nullable=False, server_default=""),  # JSON: parking.Until while parked
    Column("park_at", Float),  # of it, for the search: the time
    Column("park_count", Integer),  # and the count at which it ends
    Column("pending", Text, nullable=False, server_default=""),  # case_approvals.id
    Column("vendor_code", Text, nullable=False, server_default=""),  # this and the next: of the latest wish
    Column("vendor_text", Text, nullable=False, server_default=""),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="cases_closed_has_time"),
    sqlite_autoincrement=True,
)
IS_OPEN = cases.c.closed_at.is_(None)
"""The condition of the partial indexes; queries over open cases must name it in these words to use them."""

IS_CLOSED = cases.c.closed_at.is_not(None)
Index("cases_by_end", cases.c.closed_at, cases.c.number, sqlite_where=IS_CLOSED, postgresql_where=IS_CLOSED)
Index("cases_one_open_per_key", cases.c.key, unique=True, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_open", cases.c.number, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_open_alike", cases.c.fingerprint, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
# All that a list of groups shows: without it, counting 100,000 cases reads the evidence of each. `closed_at` because
# SQLite looks at a condition again although the index implies it.
Index(
    "cases_open_group",
    cases.c.group_key,
    cases.c.number,
    cases.c.first_seen,
    cases.c.last_seen,
    cases.c.priority,
    cases.c.due_at,
    cases.c.owner,
    cases.c.closed_at,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)
Index("cases_by_priority", cases.c.priority, cases.c.number, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_by_due", cases.c.due_at, cases.c.number, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_by_owner", cases.c.owner, cases.c.number, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index(
    "cases_by_owner_priority",
    cases.c.owner,
    cases.c.priority,
    cases.c.number,
    sqlite_where=IS_OPEN,
    postgresql_where=IS_OPEN,
)
Index("cases_to_rank", cases.c.ranked_at, sqlite_where=IS_OPEN, postgresql_where=IS_OPEN)
Index("cases_by_group", cases.c.group_key, cases.c.number)
# Written as in the index: with parameters in its place, neither database sees that the index will do.
IS_PARKED: ColumnElement[Any] = literal_column("cases.state = 'parked'")
# By its length: `record = ''` would have SQLite look through all that were ever of no record, closed ones too.
ASKED_AGAIN: ColumnElement[Any] = literal_column("cases.state = 'in_run' AND length(cases.record) = 0")
UNTOLD: ColumnElement[Any] = literal_column("cases.closed_at IS NULL AND cases.told < 2")
Index(
    "cases_parked",
    cases.c.number,
    sqlite_where=text("state = 'parked'"),
    postgresql_where=text("state = 'parked'"),
)
Index(
    "cases_untold",
    cases.c.warn_at,
    sqlite_where=text("closed_at IS NULL AND told < 2"),
    postgresql_where=text("closed_at IS NULL AND told < 2"),
)
Index(
    "cases_asked_again",
    cases.c.number,
    sqlite_where=text("state = 'in_run' AND length(record) = 0"),
    postgresql_where=text("state = 'in_run' AND length(record) = 0"),
)
Index("cases_by_key", cases.c.key, cases.c.number)
Index("cases_by_record", cases.c.record)

case_history = Table(
    "case_history",
    metadata,
    # append only; written in the transaction of the step it tells
    Column("id", _Serial, Identity(), primary_key=True),
    Column("number", _Serial, nullable=False),  # the case
    Column("at", Float, nullable=False),
    Column("name", Text, nullable=False),  # Step.name
    Column("version", Integer, nullable=False),  # the case's, after this step
    Column("state", Text, nullable=False),  # CaseState after this step
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),  # ActionName of a decision
    Column("choice", Text, nullable=False),  # side chosen by a `resolve`
    Column("reason", Text, nullable=False),
    Column("proof", Text, nullable=False),  # what proves a declaration
    Column("changed", Text, nullable=False),  # JSON: names of what differs from before
    Column("code", Text, nullable=False, server_default=""),  # reason code
    Column("work", Integer, nullable=False, server_default="0"),  # the case's work counter, after this step
    Column("approver", Text, nullable=False, server_default=""),  # the second person, where there was one
    sqlite_autoincrement=True,
)
Index("case_history_by_case", case_history.c.number, case_history.c.version)

case_approvals = Table(
    "case_approvals",
    metadata,
    # dangerous actions that wait, or waited, for a second person
    Column("id", Text, primary_key=True),
    Column("number", _Serial, nullable=False),  # the case
    Column("action", Text, nullable=False),
    Column("said", Text, nullable=False),  # JSON: what goes with the action
    Column("reason", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("requested_person", Text, nullable=False),  # id: what four eyes compare
    Column("requested_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("expected_version", Integer, nullable=False),
    Column("state", Text, nullable=False),  # approvals.RequestState
    Column("decided_by", Text, nullable=False),  # this and the next three: when it ended
    Column("decided_person", Text, nullable=False),
    Column("decided_at", Float),
    Column("note", Text, nullable=False),
)
IS_PENDING: ColumnElement[Any] = literal_column("case_approvals.state = 'pending'")
Index("case_approvals_by_case", case_approvals.c.number)
Index(
    "case_approvals_pending",
    case_approvals.c.requested_at,
    sqlite_where=text("state = 'pending'"),
    postgresql_where=text("state = 'pending'"),
)

case_tasks = Table(
    "case_tasks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", _Serial, nullable=False),  # the case
    Column("kind", Text, nullable=False),  # tasks.Kind
    Column("title", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),  # open | done | dropped
    Column("made_by", Text, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("ended_by", Text, nullable=False),
    Column("ended_at", Float),
    Column("note", Text, nullable=False),
)
Index("case_tasks_by_case", case_tasks.c.number, case_tasks.c.made_at)

case_attachments = Table(
    "case_attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("number", _Serial, nullable=False),  # the case
    Column("name", Text, nullable=False),  # sanitised
    Column("media_type", Text, nullable=False),  # by its content, not by what was claimed
    Column("size", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Float, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
Index("case_attachments_by_case", case_attachments.c.number, case_attachments.c.made_at)

case_groups = Table(
    "case_groups",
    metadata,
    # what is known of a group besides its cases
    Column("group_key", Text, primary_key=True),
    Column("title", Text, nullable=False),  # set by a person's split or merge
    Column("closed_number", _Serial),  # the case of it that a person closed last
)

case_regroupings = Table(
    "case_regroupings",
    metadata,
    # people's splits and merges: where a case to come belongs
    Column("id", _Serial, Identity(), primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("part", Text, nullable=False),  # grouping.PARTS; empty: all of the fingerprint
    Column("value", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", Text, nullable=False),
    Column("reach", Text, nullable=False, server_default=""),  # reach.Reach of who made it; empty: everywhere
    sqlite_autoincrement=True,
)
Index(
    "case_regroupings_of_reach",
    case_regroupings.c.fingerprint,
    case_regroupings.c.part,
    case_regroupings.c.value,
    case_regroupings.c.reach,
    unique=True,
)
Index("case_regroupings_by_group", case_regroupings.c.group_key)

case_tally = Table(
    "case_tally",
    metadata,
    # figures of people's work that only grow; added up from the history by the upkeep
    Column("name", Text, primary_key=True),
    Column("cause", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("detail", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
)
case_tally_position = Table(
    "case_tally_position",
    metadata,
    # up to where the history is counted; set with what was counted
    Column("name", Text, primary_key=True),
    Column("after", _Serial, nullable=False),
    Column("missing", Text, nullable=False),  # JSON: ids that may still come -> when that is settled
)
