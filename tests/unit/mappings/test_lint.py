"""One mistake, one line with its place and a way out; many mistakes, all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from mappings.loader import read_mapping
from tests.unit.mappings.support import HEAD, TYPE, check

OFFSET = HEAD.count("\n")

# The text after the head, and the whole line that is expected (line numbers count after the head).
MISTAKES = [
    (
        "fields:\n  size: {path: s, values: {1: a, two: b}}",
        "2:34: error[unknown-value]: size is a number, 'two' is not",
    ),
    (
        "fields:\n  owner: {path: o, fallback: {when: 'true'}}",
        (
            "2:20: error[fallback]: this would leave owner with nobody; "
            "try 'with:' and a group, or 'value:' and a shared address"
        ),
    ),
    (
        "fields:\n  owner: {path: o, fallback: {value: desk}}",
        "2:38: error[fallback]: 'desk' is no e-mail address; try 'with:' for a group",
    ),
    (
        "fields:\n  owner: {path: o, fallback: [{with: {g: a}}, {with: {g: b}}]}",
        "2:31: error[fallback]: what comes after one without 'when:' is never taken; try moving it to the end",
    ),
    (
        "fields:\n  owner: {path: o, fallback: {when: record.titel == '', with: {g: a}}}",
        "2:44: error[condition]: the record has no field 'titel'; try 'title'",
    ),
    (
        'fields:\n  owner: {path: o, fallback: {with: {"g[*]": "${titel}"}}}',
        "2:46: error[unknown-field]: the type thing has no field 'titel'; try 'title'",
    ),
    (
        "fields:\n  title: {path: o, fallback: {with: {g: a}}}",
        "2:20: error[kind]: 'fallback' is for user, title is text; try removing it",
    ),
    (
        "fields:\n  owner: {path: o, direction: in, fallback: {with: {g: a}}}",
        "2:35: error[direction]: 'fallback' says nothing for a field that is only read",
    ),
    (
        "fields:\n  tags: {path: o, direction: in, find: '[A-Z]+[A-Z0-9]+'}",
        (
            "2:40: error[find]: where a repeat ends is not clear: 'A' may belong to it or to what follows; "
            "try a repeat without it, or leaving out what stands around the reference"
        ),
    ),
    (
        "fields:\n  tags: {path: o, find: '#(\\d+)'}",
        (
            "2:19: error[find]: what is found in a text cannot be written back, and tags is not only read; "
            "try 'direction: in'"
        ),
    ),
    (
        "fields:\n  tags: {path: o, direction: in, separator: ',', find: '#(\\d+)'}",
        "2:34: error[find]: 'separator' says nothing of what is found in a text; try removing it",
    ),
    (
        "fields:\n  title: {path: o, direction: in, find: '#(\\d+)'}",
        "2:35: error[kind]: 'find' is for set, title is text; try removing it",
    ),
    ("fields:\n  titel: {path: t}", "2:3: error[unknown-field]: the type thing has no field 'titel'; try 'title'"),
    ("fields:\n  talk: {path: t}", "2:3: error[items]: talk holds items; try 'items: {field: talk, ...}'"),
    ("fields:\n  title: {pth: t}", "2:11: error[unknown-key]: unknown key 'pth'; try 'path'"),
    ("fields:\n  title: {lossy: true}", "2:3: error[missing-key]: key 'path' is missing; try adding 'path:'"),
    (
        "fields:\n  level: {path: l, on_unknown: kepp, values: {high: 1, low: 2}}",
        "2:32: error[choice]: 'kepp' is not a choice here; try 'keep'",
    ),
    ("fields:\n  title: {path: t, max_length: many}", "2:32: error[kind]: this should be a whole number"),
    (
        "fields:\n  title: {path: 't['}",
        "2:17: error[path]: 't[' is not a JSONPath: Parse error near the end of string!",
    ),
    (
        "fields:\n  title: {path: 't[0]'}",
        "2:17: error[path]: 't[0]' can be read but not written; try 'write: path.to.key', or 'direction: in'",
    ),
    (
        "fields:\n  title: {path: [t, 'u['], write: 'v[*]'}",
        "2:21: error[path]: 'u[' is not a JSONPath: Parse error near the end of string!",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, lwo: 2, low: 3}}",
        "2:38: error[unknown-value]: level has no value 'lwo'; try 'low'",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1}}",
        "2:20: error[values-missing]: level can be low, which is not mapped; try adding low, or 'on_unknown'",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, low: 1}}",
        (
            "2:38: error[ambiguous-value]: '1' is read as high already, and here as low; "
            "try 'read: false' on one of them, and 'lossy: true'"
        ),
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, low: {ext: 1, read: false}}}",
        (
            "2:3: error[lossy]: level loses information and does not say so: high and low are both written as '1'; "
            "try 'lossy: true' if that is wanted"
        ),
    ),
    (
        "fields:\n  level: {path: l, values: {high: [1, 7], low: 2}}",
        (
            "2:3: error[lossy]: level loses information and does not say so: "
            "'7' would be read as high and written back as '1'; try 'lossy: true' if that is wanted"
        ),
    ),
    (
        "fields:\n  level: {path: l, lossy: true, values: {high: 1, low: 2}}",
        "2:20: error[lossy]: level is declared lossy but loses nothing; try removing 'lossy'",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, low: {ext: 2, read: false}}, lossy: true}",
        "2:38: error[unread-value]: '2' is written for low but read as nothing; try removing 'read: false'",
    ),
    (
        "fields:\n  level: {path: l, on_unknown: default, lossy: true, values: {high: 1, low: 2}}",
        "2:20: error[default]: 'on_unknown: default' needs a 'default'",
    ),
    (
        "fields:\n  level: {path: l, on_unknown: default, default: hihg, lossy: true, values: {high: 1, low: 2}}",
        "2:50: error[default]: the default 'hihg' is not one of the mapped values; try 'high'",
    ),
    (
        "fields:\n  title: {path: t, on_unknown: keep}",
        "2:20: error[on-unknown]: there is no value map that could miss a value; try removing it",
    ),
    (
        "fields:\n  level: {path: l, empty: lwo, lossy: true}",
        "2:27: error[unknown-value]: 'lwo' is not a value of level; try 'low'",
    ),
    (
        "fields:\n  title: {path: t, separator: ','}",
        "2:20: error[kind]: 'separator' is for set, title is text; try removing it",
    ),
    ("fields:\n  due: {path: t, values: {now: 1}}", "2:18: error[values]: a time has no value map; try 'format'"),
    ("fields:\n  due: {path: t, format: isoo}", "2:26: error[choice]: 'isoo' is not a form of time; try 'iso'"),
    ("fields:\n  size: {path: t, format: txt}", "2:27: error[choice]: 'txt' is not a form of number; try text"),
    (
        "fields:\n  title: {path: t, with: {'a[*]': x}}",
        "2:27: error[path]: 'a[*]' does not lead from key to key, so nothing can be written there",
    ),
    (
        "fields:\n  title: {path: t, with: {a: '${nte}'}}",
        "2:30: error[unknown-field]: the type thing has no field 'nte'; try 'note'",
    ),
    (
        "fields:\n  title: {path: t, with: {a: '${note'}}",
        "2:30: error[template]: '${' is not closed; try '${field}', or '$${' for the plain characters",
    ),
    (
        "fields:\n  title: {path: t, template: 'no. ${number}'}",
        "2:30: error[template]: a template has '${value}' once and nothing else to fill",
    ),
    (
        "fields:\n  title: {path: t, max_length: 9, template: '<${value}>'}",
        "2:45: error[template]: a cut would remove the end of the template; try only text before '${value}'",
    ),
    (
        "fields:\n  title: {path: t, direction: in, write: u}",
        "2:35: error[direction]: 'write' says nothing for a field that is only read",
    ),
    (
        "fields:\n  title: {path: t, computed: true}",
        "2:20: error[computed]: a computed field is written through 'with' only, and has none",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, low: 2}}\n  note: {path: n, when: {levle: [high]}}",
        "3:26: error[when]: 'levle' is not another field of this mapping with a value map; try 'level'",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, low: 2}}\n  note: {path: n, when: {level: [hihg]}}",
        "3:33: error[unknown-value]: level has no mapped value 'hihg'; try 'high'",
    ),
    (
        "fields:\n  level: {path: l, values: {high: H, low: L}, steps: {H: [M, L], L: [H]}}",
        "2:59: error[unknown-value]: 'M' is not a value of level; try one of: H, L",
    ),
    (
        "fields:\n  level: {path: l, values: {high: H, low: L}, steps: {H: [L]}}",
        "2:29: error[step-unreachable]: no step leads to 'H'; try adding it under 'steps'",
    ),
    (
        "fields:\n  title: {path: t}\nitems: {field: talks, in: {}, out: {comment: drop, work_note: drop}}",
        "3:16: error[items]: 'talks' is not a field of kind items of thing; try 'talk'",
    ),
    (
        "fields:\n  title: {path: t}\nitems: {field: talk, in: {comment: commnt}, out: {}}",
        "3:36: error[items]: unknown kind 'commnt'; try 'comment'",
    ),
    (
        "fields:\n  title: {path: t}\nitems: {field: talk, in: {}, out: {comment: drop}}",
        (
            "3:30: error[items]: nothing says what becomes of a work_note on its way out; "
            "try 'work_note: drop' to leave it out"
        ),
    ),
    (
        'fields:\n  title: {path: t}\ndeparture: {when: "raw.gone == \'y"}',
        "3:32: error[condition]: this is not a CEL condition: token recognition error at: ''y'",
    ),
    (
        "fields:\n  level: {path: l, values: {high: 1, low: 2}}\ndeparture: {closed: {level: none}}",
        "3:29: error[unknown-value]: 'none' is not a value of level; try one of: high, low",
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES, ids=[line for _, line in MISTAKES])
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    told = [str(problem) for problem in check(tmp_path, text).problems]
    line, _, rest = expected.partition(":")
    assert f"{tmp_path}/some-thing.yaml:{int(line) + OFFSET}:{rest}" in told


def test_all_problems_come_at_once_and_none_twice(tmp_path: Path) -> None:
    text = (
        "fields:\n"
        "  titel: {path: t}\n"
        "  note: {pth: n}\n"
        "  level: {path: l, values: {high: 1, low: 1}}\n"
        "  tags: {path: tags, when: {note: [x]}}\n"
        "departure: {closed: {state: shut}}\n"
    )
    told = check(tmp_path, text).problems
    assert [(each.line - OFFSET, each.rule) for each in told] == [
        (2, "unknown-field"),
        (3, "missing-key"),
        (3, "unknown-key"),
        (4, "lossy"),
        (4, "ambiguous-value"),
        (6, "unknown-field"),
    ]


def test_a_rule_that_breaks_the_law_is_refused_although_its_shape_is_fine(tmp_path: Path) -> None:
    """Lower case outside and capitals in the template: what we write never comes back as what we meant."""
    told = check(tmp_path, "fields:\n  note: {path: n, lower: true, template: 'From ${value}'}").problems
    assert [(each.line, each.col, each.rule) for each in told] == [(7, 3, "round-trip")]
    assert "'a' is shown as 'from a', which is then refused" in told[0].text


def test_a_good_mapping_has_no_problems(tmp_path: Path) -> None:
    loaded = check(tmp_path, "fields:\n  title: {path: t}\n")
    assert loaded.problems == ()
    assert loaded.mapping is not None


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (("values: [high, low]", "values: []"), "values"),
        (("values: [high, low]", "values: [high, high]"), "duplicate-value"),
        (("{kind: text}", "{kind: txt}"), "choice"),
        (("{kind: number}", "{kind: number, spaces: _}"), "spaces"),
        (("{kind: bool}", "{kind: bool, values: [yes]}"), "values"),
        (("type: thing", "type: think"), "name"),
        (("size:", "Size:"), "name"),
    ],
)
def test_problems_of_a_record_type_are_told_too(tmp_path: Path, change: tuple[str, str], rule: str) -> None:
    loaded = check(tmp_path, "fields:\n  title: {path: t}\n", record_type=TYPE.replace(*change))
    assert [(Path(each.file).name, each.rule) for each in loaded.problems] == [("thing.yaml", rule)]


def test_an_unknown_type_is_told_with_the_likely_one(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(HEAD.replace("type: thing", "type: incidnt") + "fields:\n  title: {path: t}\n")
    assert str(read_mapping(tmp_path / "m.yaml").problems[0]).endswith(
        "m.yaml:5:7: error[unknown-type]: there is no record type 'incidnt'; try 'incident'"
    )
