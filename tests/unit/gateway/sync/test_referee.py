"""P8 asked of one value: what goes out for a field that names somebody who has left, and what goes along with it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from gateway.sync.departed import Gone, Index
from gateway.sync.identities import Known, identity
from gateway.sync.referee import PersonLeft, companions, outward

ADA, BOB = "ada@example.com", "bob@example.com"


def gone(successor: str = "") -> Gone:
    known = [identity(Known.EMAIL, ADA), identity(Known.LOGIN, "ada", "jira"), identity(Known.ACCOUNT, "A-1", "jira")]
    identities = tuple(each for each in known if each is not None)
    return Gone(person="p1", since=0.0, case="LV-1", successor=successor, identities=identities)


class Plain:
    """A mapping that says addresses as the logins of a system."""

    fields: ClassVar[dict[str, Any]] = {
        "who": SimpleNamespace(kind="user", required=False, personal=True),
        "crew": SimpleNamespace(kind="set", required=False, personal=True),
    }

    @staticmethod
    def to_ext(name: str, value: Any) -> Any:
        return value.partition("@")[0] if isinstance(value, str) else value

    @staticmethod
    def from_ext(name: str, ext: Any) -> Any:
        return ext


def unit(left: Gone | None, shown: dict[str, Any] | None = None, without: str = "hold") -> Any:
    member = SimpleNamespace(mapping=Plain())
    shadow = {name: SimpleNamespace(known=True, ext=ext) for name, ext in (shown or {}).items()}
    held = SimpleNamespace(shadow=shadow)
    return SimpleNamespace(
        departed=Index("m1", [left] if left else []),
        flow=SimpleNamespace(name="duty", members={"jira": member}),
        assignments=SimpleNamespace(without=without),
        member=lambda connection: member,
        held=lambda connection: held,
    )


def says(one: Any, name: str, value: Any) -> Any:
    def plain(unit: Any, connection: str, name: str, version: Any) -> tuple[Any, bool]:
        return Plain.to_ext(name, version.value), False

    return outward(one, "jira", name, SimpleNamespace(value=value), plain)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [ADA, "ADA@example.com", "A-1@elsewhere.org", "ada@other.org"])
def test_nobody_who_has_left_is_named_in_anybodys_terms(value: str) -> None:
    with pytest.raises(PersonLeft):
        says(unit(gone()), "who", value)
    assert says(unit(gone(BOB)), "who", value) == "bob"
    assert says(unit(gone(), without="nobody"), "who", value) is None
    assert says(unit(None), "who", value) == value.partition("@")[0]


def test_what_a_system_shows_itself_is_a_departures_to_end() -> None:
    assert says(unit(gone(BOB), {"who": "ada"}), "who", ADA) == "ada"
    assert says(unit(gone(BOB), {"who": "bob"}), "who", ADA) == "bob"


def test_a_successor_who_is_known_there_as_who_has_left_is_none() -> None:
    with pytest.raises(PersonLeft):
        says(unit(gone("ada@new.example.com")), "who", ADA)


def test_a_set_goes_without_them_unless_the_system_has_them_itself() -> None:
    assert says(unit(gone()), "crew", [ADA, BOB]) == [BOB]
    assert says(unit(gone(), {"crew": [ADA]}), "crew", [ADA, BOB]) == [ADA, BOB]


def test_what_goes_along_names_nobody_who_has_left_either() -> None:
    record = {"who": ADA, "crew": [BOB, ADA], "text": ADA}
    assert companions(unit(gone()), "jira", record) == {"who": None, "crew": [BOB], "text": ADA}
    assert companions(unit(gone(BOB)), "jira", record)["who"] == BOB
    assert companions(unit(None), "jira", record) == record
