"""Which kind of audit entry is which class and activity of OCSF and which category and type of ECS. The one table.

The first line that fits counts. A kind that no line names still has a form, by the last one.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from gateway.siem.forms.classes import (
    ACCESS,
    ACCOUNT,
    API,
    AUTHENTICATION,
    DATASTORE,
    DETECTION,
    ENTITY,
    GROUP,
    LIFECYCLE,
    OTHER,
    SESSION,
    Sort,
)


class Row(msgspec.Struct, frozen=True):
    """What one kind, or a family of them (`*`), is to receivers."""

    kind: str
    sort: Sort
    activity: int
    categories: tuple[str, ...]
    """Of ECS."""
    types: tuple[str, ...]
    object: str = ""
    """What it happened to, where it is a thing: the type of the entity, the data or the part of the program."""
    failed: bool = False
    """It was tried and not done."""


_IAM, _CONFIGURATION, _API, _DATABASE = ("iam",), ("configuration",), ("api",), ("database",)
_USER, _MADE, _GONE = ("user", "change"), ("user", "creation"), ("user", "deletion")
_CHANGED, _CREATED, _DELETED, _SEEN, _TOLD = ("change",), ("creation",), ("deletion",), ("access",), ("info",)

TABLE = (
    # signing in
    Row("signed_in", AUTHENTICATION, 1, ("authentication",), ("start",)),
    Row("sign_in_refused", AUTHENTICATION, 1, ("authentication",), ("start",), failed=True),
    Row("sign_ins_failed", DETECTION, 1, ("authentication",), ("start",), "sign-ins that failed in a row", failed=True),
    Row("signed_out", AUTHENTICATION, 2, ("authentication",), ("end",)),
    Row("session_ended", AUTHENTICATION, 2, ("session",), ("end",)),
    Row("sign_in_link", SESSION, 1, _IAM, _USER),
    # rights
    Row("person_added", ACCOUNT, 1, _IAM, _MADE),
    Row("person_changed", ACCESS, 3, _IAM, _USER),
    Row("person_enabled", ACCOUNT, 2, _IAM, _USER),
    Row("person_disabled", ACCOUNT, 5, _IAM, _USER),
    Row("person_removed", ACCOUNT, 6, _IAM, _GONE),
    Row("person_*", ACCOUNT, OTHER, _IAM, _USER),
    Row("password_set", ACCOUNT, 4, _IAM, _USER),
    Row("token_created", ACCESS, 1, _IAM, _MADE),
    Row("token_revoked", ACCESS, 2, _IAM, _USER),
    Row("token_*", ACCESS, OTHER, _IAM, _USER),
    Row("right_refused", API, OTHER, _API, ("denied",), "a right that was lacking", failed=True),
    Row("*_self_approval", DETECTION, 1, _API, ("denied",), "an approval of one's own request", failed=True),
    Row("replay_unapproved", DETECTION, 1, _API, ("denied",), "a replay without its approval", failed=True),
    Row("guard_*", DETECTION, 1, _CONFIGURATION, _CHANGED, "a guard"),
    # credentials
    Row("secret_opened", ENTITY, 2, _CONFIGURATION, _SEEN, "credential"),
    Row("secret_removed", ENTITY, 4, _CONFIGURATION, _DELETED, "credential"),
    Row("secret_refused", ENTITY, 3, _CONFIGURATION, _CHANGED, "credential", failed=True),
    Row("secret_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "credential"),
    Row("master_key_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "master key"),
    Row("signing_key_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "signing key"),
    # configuration
    Row("configuration_*", LIFECYCLE, 8, _CONFIGURATION, _CHANGED, "configuration"),
    Row("high_risk_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "policy of high-risk actions"),
    Row("connection_drafted", ENTITY, 1, _CONFIGURATION, _CREATED, "connection"),
    Row("draft_dropped", ENTITY, 4, _CONFIGURATION, _DELETED, "connection"),
    Row("connection_paused", ENTITY, 12, _CONFIGURATION, _CHANGED, "connection"),
    Row("connection_resumed", ENTITY, 13, _CONFIGURATION, _CHANGED, "connection"),
    Row("connection_disabled", ENTITY, 9, _CONFIGURATION, _CHANGED, "connection"),
    Row("connection_enabled", ENTITY, 8, _CONFIGURATION, _CHANGED, "connection"),
    Row("connection_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "connection"),
    Row("flow_*", LIFECYCLE, 8, _CONFIGURATION, _CHANGED, "flow"),
    Row("mapping_published", LIFECYCLE, 8, _CONFIGURATION, _CHANGED, "mapping"),
    Row("mapping_used", LIFECYCLE, 8, _CONFIGURATION, _CHANGED, "mapping"),
    Row("mapping_*", LIFECYCLE, OTHER, _CONFIGURATION, _TOLD, "mapping"),
    # departures
    Row("leaver_opened", ACCOUNT, 5, _IAM, _USER),
    Row("leaver_urgent", ACCOUNT, 5, _IAM, _USER),
    Row("leaver_done", ACCOUNT, 5, _IAM, _USER),
    Row("leaver_closed", ACCOUNT, 5, _IAM, _USER),
    Row("leaver_returned", ACCOUNT, 2, _IAM, _USER),
    Row("leaver_step", ACCESS, 2, _IAM, _USER),
    Row("leaver_gone", ACCESS, 2, _IAM, _USER),
    Row("leaver_failed", DETECTION, 1, _IAM, _USER, "access that could not be ended", failed=True),
    Row("leaver_past_due", DETECTION, 1, _IAM, _USER, "access past its deadline", failed=True),
    Row("leaver_drifted", DETECTION, 1, _IAM, _USER, "access that is there again", failed=True),
    Row("leaver_guard_stopped", DETECTION, 1, _IAM, _USER, "more departures than the guard lets pass"),
    Row("leaver_guard_*", DETECTION, 2, _IAM, _USER, "more departures than the guard lets pass"),
    Row("leaver_certified", DATASTORE, 1, _DATABASE, _SEEN, "proof of a departure"),
    Row("leaver_session*", AUTHENTICATION, 2, ("session",), ("end",)),
    Row("leaver_token*", ACCESS, 2, _IAM, _USER),
    Row("leaver_role*", ACCESS, 4, _IAM, _USER),
    Row("leaver_group*", GROUP, 4, _IAM, ("group", "change"), "group"),
    Row("leaver_account*", ACCOUNT, 5, _IAM, _USER),
    Row("leaver_*", ACCOUNT, OTHER, _IAM, _USER),
    Row("departed_*", ACCOUNT, OTHER, _IAM, _USER),
    Row("*_lifted", ACCOUNT, 2, _IAM, _USER),
    Row("rehire*", ACCOUNT, 2, _IAM, _USER),
    Row("mover_*", ACCESS, OTHER, _IAM, _USER),
    # what was read
    Row("audit_exported", DATASTORE, 1, _DATABASE, _SEEN, "audit trail"),
    Row("audit_read", DATASTORE, 4, _DATABASE, _SEEN, "audit trail"),
    Row("audit_broken", DETECTION, 1, _DATABASE, _TOLD, "an audit trail that was tampered with"),
    Row("audit_key", ENTITY, 3, _CONFIGURATION, _CHANGED, "signing key"),
    Row("audit_deleted", DATASTORE, 7, _DATABASE, _DELETED, "audit trail"),
    Row("audit_*", DATASTORE, OTHER, _DATABASE, _TOLD, "audit trail"),
    Row("personal_*", DATASTORE, 1, _DATABASE, _SEEN, "personal values"),
    Row("case_file_read", DATASTORE, 1, _DATABASE, _SEEN, "files of cases"),
    Row("case_export", DATASTORE, 1, _DATABASE, _SEEN, "cases"),
    Row("report_*", DATASTORE, 1, _DATABASE, _SEEN, "reports"),
    # what is kept
    Row("erasure_*", DATASTORE, 7, _DATABASE, _DELETED, "personal values"),
    Row("erased", DATASTORE, 7, _DATABASE, _DELETED, "personal values"),
    Row("*_erased", DATASTORE, 7, _DATABASE, _DELETED, "personal values"),
    Row("hold_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "legal hold"),
    Row("legal_hold_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "legal hold"),
    Row("archive*", DATASTORE, OTHER, _DATABASE, _TOLD, "archive"),
    Row("retention_*", DATASTORE, 7, _DATABASE, _DELETED, "what was kept long enough"),
    # cases, replays, repairs
    Row("case_asked", API, 1, _API, _TOLD, "case"),
    Row("case_split", API, 3, _API, _CHANGED, "groups of cases"),
    Row("case_merge", API, 3, _API, _CHANGED, "groups of cases"),
    Row("case_*", API, 3, _API, _CHANGED, "case"),
    Row("cases_*", API, 3, _API, _CHANGED, "case"),
    Row("replay_planned", API, 1, _API, _CREATED, "replay"),
    Row("replay_selected", API, 1, _API, _CREATED, "replay"),
    Row("replay_cancelled", API, 4, _API, _DELETED, "replay"),
    Row("replay_*", API, 3, _API, _CHANGED, "replay"),
    Row("reconcile_*", API, 3, _API, _CHANGED, "repair"),
    Row("notification.*", API, 3, _API, _TOLD, "notifications"),
    Row("view_saved", ENTITY, 1, _CONFIGURATION, _CREATED, "view"),
    Row("view_deleted", ENTITY, 4, _CONFIGURATION, _DELETED, "view"),
    Row("view_*", ENTITY, 3, _CONFIGURATION, _CHANGED, "view"),
    # the feed itself
    Row("siem_heartbeat", LIFECYCLE, OTHER, ("process",), _TOLD, "feed"),
    Row("siem_segment", LIFECYCLE, OTHER, ("process",), _TOLD, "feed"),
    Row("siem_sink_added", ENTITY, 1, _CONFIGURATION, _CREATED, "feed"),
    Row("siem_sink_changed", ENTITY, 3, _CONFIGURATION, _CHANGED, "feed"),
    Row("siem_sink_removed", ENTITY, 4, _CONFIGURATION, _DELETED, "feed"),
    Row("siem_spool_drained", DETECTION, 3, ("process",), _TOLD, "a feed that cannot be sent"),
    Row("siem_spool_*", DETECTION, 1, ("process",), _TOLD, "a feed that cannot be sent"),
    Row("siem_*", LIFECYCLE, OTHER, _CONFIGURATION, _CHANGED, "feed"),
    # records
    Row("tombstoned", DATASTORE, 7, _DATABASE, _CHANGED, "record"),
    Row("object_gone", DATASTORE, 7, _DATABASE, _CHANGED, "record"),
    Row("operator_discard", DATASTORE, 7, _DATABASE, _CHANGED, "record"),
    Row("operator_look", DATASTORE, 1, _DATABASE, _SEEN, "record"),
    Row("operator_*", DATASTORE, 2, _DATABASE, _CHANGED, "record"),
    Row("observed", DATASTORE, 1, _DATABASE, _TOLD, "record"),
    Row("swept", DATASTORE, 4, _DATABASE, _TOLD, "records"),
    *(
        Row(kind, DATASTORE, 2, _DATABASE, _CHANGED, "record")
        for kind in ("applied", "adopted", "replayed", "reconciled", "reread", "followed", "rolled_up", "fell_back")
    ),
    *(Row(kind, DATASTORE, 2, _DATABASE, _TOLD, "record", True) for kind in ("refused", "not_applied", "attempt_lost")),
    *(Row(kind, DATASTORE, 6, _DATABASE, _CREATED, "record") for kind in ("fan_out", "task_made", "late_object")),
    *(
        Row(kind, DATASTORE, OTHER, _DATABASE, _TOLD, "record")
        for kind in (
            "answered",
            "awaits",
            "expired",
            "not_followed",
            "owned_elsewhere",
            "readback_differs",
            "task_stands",
            "told",
            "told_too_late",
            "unknown",
        )
    ),
)
DEFAULT = Row("*", API, OTHER, _API, _TOLD)


@lru_cache(maxsize=1024)
def row_of(kind: str) -> Row:
    """The line that counts for this kind."""
    return next((row for row in TABLE if fnmatchcase(kind, row.kind)), DEFAULT)
