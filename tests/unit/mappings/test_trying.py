"""A trace says what the mapping does and warns where people should look; two mappings are compared field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings

from connectors.contract.written.places import read_source
from mappings.backtest import Tally, Verdict, compare
from mappings.fixtures import fixture
from mappings.loader import Loaded, library_names, load_mapping, read_mapping
from mappings.loader import find_mapping as find
from mappings.testing import run_texts
from mappings.tracing import Trace, Traced, trace
from tests.unit.mappings.support import LIBRARY, check, documents

TEXT = """\
fields:
  title: {path: [short, long], max_length: 5}
  note: {path: note, when: {state: [done]}}
  state: {path: s, values: {open: [New, Old], waiting: Wait, done: Done}, lossy: true}
  level: {path: rank, values: {high: "1", low: "2"}, on_unknown: default, default: low, lossy: true}
  owner: {path: [who.mail, who.name]}
  due: {path: due}
departure: {when: "raw.gone == true"}
"""


def _trace(folder: Path, raw: dict[str, Any], text: str = TEXT) -> Trace:
    found = check(folder, text)
    return _traced(found, raw)


def _traced(found: Loaded, raw: dict[str, Any]) -> Trace:
    assert found.mapping is not None and found.model is not None and found.record_type is not None, found.problems
    return trace(found.mapping, found.model, found.record_type, raw)


def _field(found: Trace, name: str) -> Traced:
    return next(each for each in found.fields if each.field == name)


def test_each_value_says_where_it_is_from_and_by_which_rule(tmp_path: Path) -> None:
    found = _trace(tmp_path, {"long": "abc", "s": "Done", "who": {"mail": "A@x.org"}, "note": "why"})
    title = _field(found, "title")
    assert (title.path, title.value) == ("long", "abc") and "not at short" in title.warnings[0]
    assert (_field(found, "state").rule, _field(found, "state").value) == ("value 'Done'", "done")
    assert _field(found, "owner").path == "who.mail" and _field(found, "owner").value == "a@x.org"
    assert _field(found, "note").value == "why"
    assert found.missing == ("level", "due") and not found.left


def test_what_people_should_look_at_is_a_warning(tmp_path: Path) -> None:
    raw = {"short": "12345", "s": "Old", "rank": "7", "due": "2026-03-01T10:00:00", "odd": {"a": 1}, "gone": True}
    found = _trace(tmp_path, raw)
    assert "may have been cut" in _field(found, "title").warnings[0]
    assert "default 'low' was used" in _field(found, "level").warnings[0]
    assert "lossy" in _field(found, "state").warnings[0] and not _field(found, "state").same
    assert _field(found, "due").warnings[0] == "no time zone in it: taken as UTC"
    assert found.unmapped == ("odd.a", "gone") and found.left
    closed = _trace(tmp_path, {"short": "a", "s": "New", "note": "old"})
    assert _field(closed, "note").rule == "empty: it means something only while state is done"


def test_a_refused_value_is_told_and_nothing_would_be_written(tmp_path: Path) -> None:
    found = _trace(tmp_path, {"short": "a", "s": "Strange"})
    assert "Strange" in _field(found, "state").error and _field(found, "state").value is None
    assert found.fragment is None


@settings(max_examples=200)
@given(raw=documents)
def test_a_trace_says_what_the_mapping_does_whatever_the_document(raw: Any) -> None:
    if not isinstance(raw, dict):
        return
    for name, mapping in LIBRARY.items():
        file = find(name, Path())
        assert file is not None
        for each in _traced(read_library(file), raw).fields:
            if not each.error:
                assert each.value == mapping.from_ext(each.field, mapping.read(raw)[each.field])


_READ: dict[Path, Loaded] = {}


def read_library(file: Path) -> Loaded:
    if file not in _READ:
        _READ[file] = read_mapping(file)
    return _READ[file]


def test_two_mappings_are_compared_by_what_they_make(tmp_path: Path) -> None:
    before = check(tmp_path, TEXT).mapping
    after = check(tmp_path, TEXT.replace("[New, Old]", "[New, Older]").replace('high: "1"', 'high: ["1", "7"]')).mapping
    assert before is not None and after is not None
    tally = Tally()
    for raw in ({"s": "Old"}, {"s": "New", "rank": "7"}, {"s": "New", "rank": "1"}, {"s": "Odd"}):
        tally.add(compare(before, after, {"short": "t", "note": "", **raw}))
    assert tally.verdicts == {Verdict.FAILING: 1, Verdict.CHANGED: 1, Verdict.SAME: 2}
    assert tally.fields == {"state": {Verdict.FAILING: 1}, "level": {Verdict.CHANGED: 1}}
    back = [each.verdict for each in compare(after, before, {"short": "t", "note": "", "s": "Old"})]
    assert back == [Verdict.FIXED] and tally.total == 4


def test_a_document_becomes_a_test_that_is_green_and_names_nobody(tmp_path: Path) -> None:
    for name in library_names():
        file = find(name, Path())
        assert file is not None
        found = read_library(file)
        assert found.mapping is not None and found.model is not None and found.record_type is not None
        raw = REAL.get(name) or _shown_in_its_tests(file)
        text = fixture(found.mapping, found.model, found.record_type, raw, "as it came in")
        assert "cara" not in text.lower() and "dana" not in text, text
        report = run_texts(f"mapping: {name}\ntests:\n{text}", label="new", mapping=load_mapping(name))
        assert report.ok and report.passed == 1, report.problems


def _shown_in_its_tests(file: Path) -> dict[str, Any]:
    """The first document of the tests beside the mapping."""
    told = read_source(file.with_suffix(".test.yaml")).data["tests"]
    raw: dict[str, Any] = next(each["given"]["raw"] for each in told if "raw" in each["given"])
    return raw


REAL: dict[str, dict[str, Any]] = {
    "bamboohr-employee": {
        "displayName": "Cara Cole",
        "firstName": "Cara",
        "workEmail": "cara@example.com",
        "supervisorEmail": "dana@example.com",
        "status": "Active",
        "hireDate": "2020-12-30",
    },
    "gitlab-issue": {
        "title": "Mail to dana@example.com bounces",
        "state": "opened",
        "assignees": [{"username": "cara"}],
        "author": {"username": "dana"},
    },
    "hubspot-company": {"properties": {"name": "Cole & Das", "numberofemployees": "12"}},
    "hubspot-contact": {"properties": {"firstname": "Cara", "lastname": "Cole", "email": "cara@example.com"}},
    "hubspot-ticket": {"properties": {"subject": "Mail to dana@example.com bounces", "hs_pipeline_stage": "3"}},
    "salesforce-account": {"Name": "Cole & Das", "Website": "cole.example", "NumberOfEmployees": 12},
    "salesforce-case": {
        "Subject": "Mail to dana@example.com bounces",
        "Status": "Working",
        "Priority": "High",
        "Owner": {"Email": "cara@example.com"},
        "Contact": {"Email": "dana@example.com"},
    },
    "salesforce-contact": {"Name": "Cara Cole", "LastName": "Cole", "Email": "cara@example.com"},
    "servicenow-incident": {
        "short_description": "Mail to dana@example.com bounces",
        "state": "2",
        "priority": "3",
        "assigned_to": {"email": "cara@example.com"},
        "assigned_to.email": "cara@example.com",
        "caller_id.email": "dana@example.com",
    },
    "jira-issue": {
        "fields": {
            "summary": "Mail to dana@example.com bounces",
            "status": {"name": "To Do"},
            "assignee": {"emailAddress": "cara@example.com", "accountId": "7"},
            "reporter": {"emailAddress": "dana@example.com"},
        }
    },
    "scim-user": {
        "userName": "cara@example.com",
        "email": "cara@example.com",
        "displayName": "Cara Cole",
        "active": True,
        "title": "Guide",
        "enterprise": {"manager": {"value": "dana@example.com"}},
    },
    "scim_push-user": {
        "userName": "cara@example.com",
        "email": "cara@example.com",
        "active": True,
        "title": "Guide",
        "enterprise": {"manager": {"value": "dana@example.com"}},
    },
}
