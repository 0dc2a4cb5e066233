"""Classes and activities of OCSF 1.x that a feed uses, and what ECS calls the same [facts.md 7.4, 7.5]."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

OTHER = 99


class Sort(msgspec.Struct, frozen=True):
    """A class of events."""

    uid: int
    name: str
    category: str
    activities: Mapping[int, str]

    @property
    def category_uid(self) -> int:
        return self.uid // 1000

    def activity(self, uid: int) -> str:
        """Its name; of OTHER the source says itself what it was."""
        return self.activities.get(uid, "Other")


_IAM, _APPLICATION, _FINDINGS = "Identity & Access Management", "Application Activity", "Findings"

ACCOUNT = Sort(
    3001,
    "Account Change",
    _IAM,
    {1: "Create", 2: "Enable", 3: "Password Change", 4: "Password Reset", 5: "Disable", 6: "Delete"},
)
AUTHENTICATION = Sort(3002, "Authentication", _IAM, {1: "Logon", 2: "Logoff"})
SESSION = Sort(3003, "Authorize Session", _IAM, {1: "Assign Privileges"})
ENTITY = Sort(
    3004,
    "Entity Management",
    _IAM,
    {
        1: "Create",
        2: "Read",
        3: "Update",
        4: "Delete",
        8: "Enable",
        9: "Disable",
        12: "Suspend",
        13: "Resume",
    },
)
ACCESS = Sort(
    3005,
    "User Access Management",
    _IAM,
    {1: "Assign Privileges", 2: "Revoke Privileges", 3: "Assign Role", 4: "Remove Role"},
)
GROUP = Sort(3006, "Group Management", _IAM, {3: "Add User", 4: "Remove User", 9: "Update"})
LIFECYCLE = Sort(6002, "Application Lifecycle", _APPLICATION, {3: "Start", 4: "Stop", 8: "Update"})
API = Sort(6003, "API Activity", _APPLICATION, {1: "Create", 2: "Read", 3: "Update", 4: "Delete"})
DATASTORE = Sort(
    6005,
    "Datastore Activity",
    _APPLICATION,
    {1: "Read", 2: "Update", 4: "Query", 5: "Write", 6: "Create", 7: "Delete"},
)
DETECTION = Sort(2004, "Detection Finding", _FINDINGS, {1: "Create", 2: "Update", 3: "Close"})

SORTS = (ACCOUNT, AUTHENTICATION, SESSION, ENTITY, ACCESS, GROUP, LIFECYCLE, API, DATASTORE, DETECTION)

SEVERITIES = {1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical"}
