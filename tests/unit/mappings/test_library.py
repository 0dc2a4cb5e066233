"""Every mapping that ships: its own tests, the round-trip law, and input that no vendor should send."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract.errors import MappingError
from mappings.compiler import CompiledMapping
from mappings.laws import violations, violations_outside
from mappings.loader import LIBRARY as FOLDER
from mappings.loader import load_type, read_mapping
from mappings.testing import run_tests
from tests.unit.mappings.support import LIBRARY, documents


def rule_of(name: str, field: str) -> str:
    """What decides how a value goes out and back: all of a rule but where it stands."""
    read = read_mapping(FOLDER / f"{name}.yaml")
    assert read.model is not None and read.record_type is not None
    written = read.model.fields[field].model_dump(exclude={"path", "write"})
    return repr((written, read.model.clear_with, read.record_type.fields[field].model_dump(exclude={"doc"})))


def two_way() -> list[tuple[CompiledMapping, str]]:
    """Every rule that goes both ways; of several that are the same one."""
    found: dict[str, tuple[CompiledMapping, str]] = {}
    for mapping in LIBRARY.values():
        for name, rule in mapping.fields.items():
            if rule.readable and rule.writable:
                found.setdefault(rule_of(mapping.name, name), (mapping, name))
    return list(found.values())


TWO_WAY = two_way()
words = st.text(max_size=400) | st.text(alphabet="ab \r\n\tÄİß", max_size=40)


@pytest.mark.parametrize("name", LIBRARY)
def test_has_tests_beside_it_and_they_pass(name: str) -> None:
    report = run_tests(FOLDER / f"{name}.test.yaml")
    assert [str(problem) for problem in report.problems] == []
    assert report.passed >= 10


@pytest.mark.parametrize("name", LIBRARY)
def test_covers_every_enum_value_of_its_type_in_its_tests_of_the_law(name: str) -> None:
    mapping, record_type = LIBRARY[name], load_type(LIBRARY[name].type)
    for field in mapping.fields.values():
        for value in record_type.fields[field.name].values:
            assert (
                mapping.from_ext(field.name, mapping.to_ext(field.name, value)) in record_type.fields[field.name].values
            )


def canonical(mapping: CompiledMapping, name: str) -> st.SearchStrategy[Any]:
    """Values that the record may hold: whatever the mapping itself, or another one, could have put there."""
    field = load_type(mapping.type).fields[name]
    if field.kind == "enum":
        return st.sampled_from(field.values)
    if field.kind == "set":
        element = st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=20)
        return st.sets(element, max_size=5).map(sorted)
    if field.kind == "user":
        return st.emails().map(str.lower)
    if field.kind == "number":
        return st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    return words.map(lambda text: text.replace("\r\n", "\n").replace("\r", "\n")).filter(bool)


def shown(mapping: CompiledMapping, name: str) -> st.SearchStrategy[Any]:
    """What the system may show: values the mapping knows, and anything else."""
    values = [mapping.to_ext(name, value) for value in load_type(mapping.type).fields[name].values]
    known = st.sampled_from(values) if values else st.nothing()
    return known | words | documents | st.lists(words, max_size=4)


@pytest.mark.parametrize(("mapping", "name"), TWO_WAY, ids=str)
@given(data=st.data())
def test_put_then_get_gives_the_same(mapping: CompiledMapping, name: str, data: st.DataObject) -> None:
    value = data.draw(canonical(mapping, name))
    assert list(violations(mapping.codecs[name], value, lossy=mapping.fields[name].lossy)) == []


@pytest.mark.parametrize(("mapping", "name"), TWO_WAY, ids=str)
@given(data=st.data())
def test_get_then_put_changes_nothing(mapping: CompiledMapping, name: str, data: st.DataObject) -> None:
    ext = data.draw(shown(mapping, name))
    assert list(violations_outside(mapping.codecs[name], ext, lossy=mapping.fields[name].lossy)) == []


@pytest.mark.parametrize("mapping", LIBRARY.values(), ids=str)
@given(values=st.data())
def test_any_document_is_read_or_refused(mapping: CompiledMapping, values: st.DataObject) -> None:
    """A crash here would stop the stream for everybody; a refusal is a case of one record."""
    junk = st.dictionaries(st.sampled_from(["name", "email", "value", "emailAddress", "accountId"]), documents)
    paths = ["state", "priority", "short_description", "description", "assigned_to", "u_labels", "close_code"]
    inner = ["summary", "status", "priority", "assignee", "labels", "resolution"]
    raw = values.draw(st.dictionaries(st.sampled_from(paths), documents | junk))
    raw["fields"] = values.draw(st.dictionaries(st.sampled_from(inner), documents | junk) | documents)
    for name, ext in mapping.read(raw).items():
        with contextlib.suppress(MappingError):
            mapping.from_ext(name, ext)
    mapping.history(raw)


def test_done_does_not_degrade_a_closed_incident() -> None:
    """Jira has one end. What counts is that writing `closed` would change nothing there, so nothing goes back."""
    jira = LIBRARY["jira-issue"]
    for ended in ("resolved", "closed", "canceled"):
        assert jira.norm("status", jira.to_ext("status", ended)) == "Done"
    assert jira.from_ext("status", "Done") == "resolved"


def test_a_reopened_issue_empties_the_resolution_and_that_reaches_servicenow_as_nothing_to_do() -> None:
    """Jira clears it on the way back; ServiceNow's code stays on the row and only counts while it has ended."""
    jira, snow = LIBRARY["jira-issue"], LIBRARY["servicenow-incident"]
    seen = jira.read({"fields": {"status": {"name": "In Progress"}, "resolution": None}})
    assert jira.from_ext("resolution", seen["resolution"]) is None
    record = {"status": "in_progress", "resolution": None}
    wanted = {name: snow.to_ext(name, value) for name, value in record.items()}
    assert snow.write(wanted, record) == {"state": "2"}
    assert snow.read({"state": "2", "close_code": "Solution provided"})["resolution"] is None


def test_a_resolution_waits_for_the_end() -> None:
    jira = LIBRARY["jira-issue"]
    assert not jira.open("resolution", {"status": "In Progress"})
    assert jira.open("resolution", {"status": "Done"})
    assert jira.open("summary", {"status": "In Progress"})
    assert jira.fields["status"].companions == ("resolution",)


def test_a_status_nobody_knows_closes_no_gate() -> None:
    """It becomes a case of its own; emptying the resolution because of it would lose a value as well."""
    seen = LIBRARY["jira-issue"].read({"fields": {"status": {"name": "Awaiting CAB"}, "resolution": {"name": "Done"}}})
    assert seen == {"status": "Awaiting CAB", "resolution": "Done"}


def test_what_was_sent_along_can_be_read_back_from_the_fragment() -> None:
    snow = LIBRARY["servicenow-incident"]
    fragment = snow.write({"status": "6"}, {"status": "resolved", "resolution": "duplicate", "resolution_note": None})
    assert snow.history(fragment) == {
        "status": "6",
        "resolution": "Duplicate",
        "resolution_note": "Resolved in a connected system.",
    }


def test_a_fragment_of_history_tells_only_what_it_holds() -> None:
    snow = LIBRARY["servicenow-incident"]
    assert snow.history({"state": "2"}) == {"status": "2"}
    assert snow.read({"state": "2"}) == {"status": "2", "resolution": None, "resolution_note": None}


@pytest.mark.parametrize("name", [name for name, mapping in LIBRARY.items() if mapping.items is not None])
def test_items(name: str) -> None:
    items = LIBRARY[name].items
    assert items is not None
    assert items.kind_in("comment") == items.kind_out("comment") == "comment"
    with pytest.raises(MappingError):
        items.kind_in("telegram")


@pytest.mark.parametrize("name", LIBRARY)
def test_departure(name: str) -> None:
    departure = LIBRARY[name].departure
    assert departure is not None
    canceled, off = {"status": "canceled"}, {"active": False}
    ends: dict[str, dict[str, Any]] = dict.fromkeys(("incident", "request", "task"), canceled)
    ends |= dict.fromkeys(("person", "group"), off)
    # BambooHR answers as if it had taken it, and does not: whether somebody works there is HR's own to say.
    wanted = {} if LIBRARY[name].system == "bamboohr" else ends.get(LIBRARY[name].type, {})
    assert departure.closed == {field: value for field, value in wanted.items() if field in LIBRARY[name].fields}
    assert not departure.leaves({})


def test_work_notes_do_not_leave_servicenow() -> None:
    items = LIBRARY["jira-issue"].items
    assert items is not None
    assert items.kind_out("work_note") is None


def test_the_version_and_digest_say_which_file_decided() -> None:
    loaded = read_mapping(FOLDER / "jira-issue.yaml")
    assert loaded.mapping is not None
    assert loaded.mapping.version == 1
    assert loaded.mapping.digest == LIBRARY["jira-issue"].digest
    assert len(loaded.mapping.digest) == 64
