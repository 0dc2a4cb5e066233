"""Employees and their employment status, and what changes them. An employee has no version, only `lastChanged`, in
whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from connectors.sandbox.bamboohr import answers
from connectors.sandbox.documents import Document, Documents
from connectors.sandbox.site import Site

NO_DATE = "0000-00-00"
WRITABLE: Mapping[str, tuple[str, str]] = {
    "employeeNumber": ("Employee #", "employee_number"),
    "firstName": ("First Name", "text"),
    "lastName": ("Last Name", "text"),
    "middleName": ("Middle Name", "text"),
    "preferredName": ("Preferred Name", "text"),
    "jobTitle": ("Job Title", "list"),
    "department": ("Department", "list"),
    "division": ("Division", "list"),
    "location": ("Location", "list"),
    "workEmail": ("Work Email", "email"),
    "workPhone": ("Work Phone", "text"),
    "workPhoneExtension": ("Work Ext.", "text"),
    "mobilePhone": ("Mobile Phone", "text"),
    "homeEmail": ("Home Email", "email"),
    "hireDate": ("Hire Date", "date"),
    "supervisorEId": ("Supervisor EID", "text"),
}
"""Name -> what people call it, and its kind (names and kinds as recorded, facts.md 4.1 [HAR-BB])."""
COMPUTED: Mapping[str, tuple[str, str]] = {
    "displayName": ("Display Name", "text"),
    "supervisor": ("Supervisor name", "text"),
    "supervisorEmail": ("Supervisor email", "email"),
    "status": ("Status", "status"),
    "employmentHistoryStatus": ("Employment Status", "list"),
    "terminationDate": ("Termination Date", "date"),
    "lastChanged": ("Last changed", "timestamp"),
}
FIELDS = {**WRITABLE, **COMPUTED}
_UNIQUE = ("workEmail", "employeeNumber")
KIND = "employee"


class Employees:
    """Owns what is kept of employees. Changes are made inside `store.change()`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept = Documents(site.store)

    def get(self, id: str) -> Document:
        """Raises Refusal with 404."""
        found = self._kept.get(KIND, id)
        if found is None:
            raise answers.refused(404, "Employee not found, Employee not found")
        return found

    def shown(self, employee: Document) -> Document:
        """With what is computed on the day of asking: a termination ahead leaves the status Active till its day."""
        today = datetime.fromtimestamp(self._site.now(), UTC).date()
        rows = sorted(employee["employmentStatus"], key=lambda row: row["date"])
        past = [row for row in rows if date.fromisoformat(row["date"]) <= today]
        ending = next((row for row in reversed(rows) if row["employmentStatus"] == "Terminated"), None)
        ended = bool(past) and past[-1]["employmentStatus"] == "Terminated"
        boss = self._kept.get(KIND, employee.get("supervisorEId") or "")
        last = f"{employee.get('lastName') or ''}".strip()
        return {
            **{name: employee.get(name) for name in WRITABLE},
            "id": employee["id"],
            "hireDate": employee.get("hireDate") or NO_DATE,
            "displayName": f"{employee.get('preferredName') or employee.get('firstName') or ''} {last}".strip(),
            "supervisor": f"{boss['lastName']}, {boss['firstName']}" if boss else None,
            "supervisorEmail": boss["workEmail"] if boss else None,
            "status": "Inactive" if ended else "Active",
            "employmentHistoryStatus": past[-1]["employmentStatus"] if past else None,
            "terminationDate": ending["date"] if ending is not None and ending is rows[-1] else NO_DATE,
            "lastChanged": employee["lastChanged"],
        }

    def all(self) -> list[Document]:
        """Everybody who was not deleted, inactive ones too."""
        return self._kept.all(KIND)

    def changed(self, since: float, action: str) -> dict[str, Document]:
        """Those inserted, updated or deleted at `since` or later; of several changes the last counts [BB-SDK]."""
        found: dict[str, Document] = {}
        for removed in (False, True):
            for employee, at in self._kept.listed(KIND, since=int(since * 1000), removed=removed):
                last = "Deleted" if removed else "Inserted" if employee["inserted"] == at else "Updated"
                if action in ("", last.lower()):
                    found[employee["id"]] = {"id": employee["id"], "action": last, "lastChanged": spoken(at)}
        return found

    def create(self, given: Mapping[str, Any]) -> Document:
        """Raises Refusal with 400 or 409."""
        self._check(given, needed=("firstName", "lastName"))
        at, id = self._now(), str(self._site.store.next_number("employee", 101))
        hired = str(given.get("hireDate") or datetime.fromtimestamp(at / 1000, UTC).date())
        rows = [{"date": hired, "employmentStatus": "Full-Time"}]
        return self._put({**given, "id": id, "inserted": at, "employmentStatus": rows}, at)

    def update(self, employee: Document, given: Mapping[str, Any]) -> Document:
        """Raises Refusal with 400 or 409."""
        self._check(given, but=employee["id"])
        return self._put({**employee, **given}, self._now())

    def add_status(self, employee: Document, row: Mapping[str, Any]) -> Document:
        """A row of the table employmentStatus. Raises Refusal with 400."""
        told = {"date": str(row.get("date", "")), "employmentStatus": str(row.get("employmentStatus", ""))}
        try:
            date.fromisoformat(told["date"])
        except ValueError:
            raise answers.refused(400, "Invalid date") from None
        if not told["employmentStatus"]:
            raise answers.refused(400, "Missing employmentStatus")
        return self._put({**employee, "employmentStatus": [*employee["employmentStatus"], told]}, self._now())

    def delete(self, employee: Document) -> None:
        """For good; the API itself cannot, the web page can."""
        self._kept.remove(KIND, employee["id"], self._now())

    def count(self) -> int:
        """How many there are."""
        return len(self._kept.all(KIND))

    def reset(self) -> None:
        """Forgets them."""
        self._kept.reset()

    def _check(self, given: Mapping[str, Any], *, needed: Iterable[str] = (), but: str = "") -> None:
        wrong = [name for name in given if name not in WRITABLE]
        if wrong:
            raise answers.refused(400, f"Invalid field: {wrong[0]}")
        if any(not given.get(name) for name in needed):
            raise answers.refused(400, "First name and last name are required")
        for name in _UNIQUE:
            taken = {each.get(name) for each in self.all() if each["id"] != but} - {None, ""}
            if given.get(name) in taken:
                raise answers.refused(409, f"Duplicate {FIELDS[name][0]}")

    def _put(self, employee: Document, at: int) -> Document:
        return self._kept.put(KIND, employee["id"], {**employee, "lastChanged": spoken(at)}, at)

    def _now(self) -> int:
        return int(self._site.now() * 1000)


def spoken(at: int) -> str:
    """Milliseconds as the API shows them: whole seconds (facts.md 4.1, fixture faros.user_details)."""
    return datetime.fromtimestamp(at // 1000, UTC).isoformat()
