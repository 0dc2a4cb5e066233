"""The objects there are, with their fields, and how ids look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

KEY = "Lockstep_Key__c"
"""The custom field for our key: Text(64), External ID, unique."""
_SYSTEM = ("Id", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
TIMES = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp", "ClosedDate"})


class Kind(NamedTuple):
    """One object type."""

    prefix: str
    written: Mapping[str, int]
    """Field -> longest text; 0: no text."""
    needed: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    picklists: Mapping[str, tuple[str, ...]] = {}
    initial: Mapping[str, Any] = {}
    related: Mapping[str, tuple[str, str]] = {}
    """Relationship -> (field that holds the id, object type)."""

    @property
    def fields(self) -> tuple[str, ...]:
        return (*_SYSTEM, *self.written, *self.computed)


_OWNER = {
    "Owner": ("OwnerId", "User"),
    "CreatedBy": ("CreatedById", "User"),
    "LastModifiedBy": ("LastModifiedById", "User"),
}
KINDS: Mapping[str, Kind] = {
    "Case": Kind(
        "500",
        {
            "Subject": 255,
            "Description": 32_000,
            "Status": 255,
            "Priority": 255,
            "Origin": 255,
            "Type": 255,
            "OwnerId": 18,
            "AccountId": 18,
            "ContactId": 18,
            "ParentId": 18,
            "SuppliedEmail": 80,
            "Comments": 4000,
            KEY: 64,
        },
        computed=("CaseNumber", "IsClosed", "ClosedDate"),
        picklists={
            "Status": ("New", "Working", "Escalated", "Closed"),
            "Priority": ("High", "Medium", "Low"),
            "Origin": ("Phone", "Email", "Web"),
        },
        initial={"Status": "New", "Priority": "Medium"},
        related={**_OWNER, "Account": ("AccountId", "Account"), "Contact": ("ContactId", "Contact")},
    ),
    "Account": Kind(
        "001",
        {
            "Name": 255,
            "Website": 255,
            "Phone": 40,
            "Industry": 255,
            "Description": 32_000,
            "NumberOfEmployees": 0,
            "AccountNumber": 40,
            "BillingStreet": 255,
            "BillingCity": 40,
            "BillingPostalCode": 20,
            "BillingCountry": 80,
            "ParentId": 18,
            "OwnerId": 18,
            KEY: 64,
        },
        needed=("Name",),
        related=_OWNER,
    ),
    "Contact": Kind(
        "003",
        {
            "FirstName": 40,
            "LastName": 80,
            "Email": 80,
            "Phone": 40,
            "Title": 128,
            "Department": 80,
            "MailingCity": 40,
            "AccountId": 18,
            "OwnerId": 18,
            KEY: 64,
        },
        needed=("LastName",),
        computed=("Name",),
        related={**_OWNER, "Account": ("AccountId", "Account")},
    ),
    "CaseComment": Kind(
        "00a",
        {"ParentId": 18, "CommentBody": 4000, "IsPublished": 0},
        needed=("ParentId", "CommentBody"),
        initial={"IsPublished": False},
        related=_OWNER,
    ),
    "Task": Kind(
        "00T",
        {"Subject": 255, "Status": 255, "OwnerId": 18, "WhatId": 18},
        computed=("IsClosed",),
        picklists={"Status": ("Not Started", "In Progress", "Completed")},
        initial={"Status": "Not Started"},
        related=_OWNER,
    ),
    "UserRole": Kind("00E", {"Name": 80}, needed=("Name",)),
    "Profile": Kind("00e", {}, computed=("Name", "PermissionsModifyAllData", "PermissionsManageUsers")),
    "PermissionSet": Kind(
        "0PS",
        {"Name": 80, "Label": 80, "PermissionsModifyAllData": 0, "PermissionsManageUsers": 0},
        needed=("Name", "Label"),
        computed=("IsOwnedByProfile", "ProfileId"),
        initial={"PermissionsModifyAllData": False, "PermissionsManageUsers": False, "IsOwnedByProfile": False},
    ),
    "PermissionSetAssignment": Kind(
        "0Pa",
        {"AssigneeId": 18, "PermissionSetId": 18},
        needed=("AssigneeId", "PermissionSetId"),
        related={"Assignee": ("AssigneeId", "User"), "PermissionSet": ("PermissionSetId", "PermissionSet")},
    ),
    "Group": Kind("00G", {"Name": 40, "Type": 40}, needed=("Name",), initial={"Type": "Regular"}),
    "GroupMember": Kind(
        "011",
        {"GroupId": 18, "UserOrGroupId": 18},
        needed=("GroupId", "UserOrGroupId"),
        related={"Group": ("GroupId", "Group")},
    ),
    "AuthSession": Kind("0Ak", {}, computed=("UsersId", "SessionType", "SourceIp", "ParentId")),
    "OauthToken": Kind("0Cq", {}, computed=("UserId", "AppName", "DeleteToken", "UseCount")),
    "CronJobDetail": Kind("08a", {}, computed=("Name",)),
    "CronTrigger": Kind(
        "08e",
        {},
        computed=("OwnerId", "CronJobDetailId", "NextFireTime", "State"),
        related={"CronJobDetail": ("CronJobDetailId", "CronJobDetail")},
    ),
    "ProcessInstance": Kind("04g", {}, computed=("TargetObjectId", "Status")),
    "ProcessInstanceWorkitem": Kind(
        "04i",
        {"ActorId": 18},
        needed=("ActorId",),
        computed=("ProcessInstanceId",),
        related={"ProcessInstance": ("ProcessInstanceId", "ProcessInstance")},
    ),
    "UserPermissionAccess": Kind("000", {}, computed=("PermissionsManageUsers", "PermissionsCustomizeApplication")),
    "User": Kind(
        "005",
        {"IsActive": 0, "UserRoleId": 18},
        computed=(
            "Username",
            "Email",
            "Name",
            "FirstName",
            "LastName",
            "Title",
            "Department",
            "EmployeeNumber",
            "ManagerId",
            "ProfileId",
        ),
        related={
            "Manager": ("ManagerId", "User"),
            "Profile": ("ProfileId", "Profile"),
            "UserRole": ("UserRoleId", "UserRole"),
        },
    ),
}


def full_id(id: str) -> str:
    """The 18 characters of an id: the last three say which letters are capitals. "" for what is no id."""
    if len(id) == 18:
        return id if id == full_id(id[:15]) else ""
    if len(id) != 15 or not (id.isascii() and id.isalnum()):
        return ""
    sums = [sum(1 << at for at, sign in enumerate(id[begin : begin + 5]) if sign.isupper()) for begin in (0, 5, 10)]
    return id + "".join(_LETTERS[each] for each in sums)


def make_id(prefix: str, number: int) -> str:
    """The id of the object with this number."""
    return full_id(f"{prefix}Do{number:010d}")
