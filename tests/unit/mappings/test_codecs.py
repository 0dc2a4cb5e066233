"""Values of every kind, there and back, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract.errors import MappingError
from mappings.laws import violations, violations_outside
from tests.unit.mappings.support import compiled, documents

RULES = [
    ("title", "{path: t, max_length: 5}"),
    ("title", "{path: t, max_length: 5, strip: true, single_line: true, lower: true}"),
    ("title", "{path: t, strip: lines, newlines: crlf}"),
    ("title", "{path: t, template: 'INC ${value}', max_length: 12}"),
    ("title", "{path: t, template: '<${value}>', on_unknown: keep, lossy: true}"),
    ("level", "{path: l}"),
    ("level", "{path: l, values: {high: 1, low: 2}}"),
    ("level", "{path: l, values: {high: '1', low: '2'}, on_unknown: keep}"),
    ("level", "{path: l, values: {high: '1', low: '2'}, on_unknown: default, default: low, empty: low, lossy: true}"),
    ("level", "{path: l, values: {high: low, low: high}, on_unknown: keep}"),
    ("owner", "{path: o}"),
    ("owner", "{path: o, values: {ann@example.com: {ext: ann@example.com, also: [u1]}}, lossy: true}"),
    ("tags", "{path: t}"),
    ("tags", "{path: t, separator: ', '}"),
    ("tags", "{path: t, lower: true, max_length: 3}"),
    ("due", "{path: d}"),
    ("due", "{path: d, format: utc}"),
    ("due", "{path: d, format: '%Y-%m-%d %H:%M:%S'}"),
    ("due", "{path: d, format: '%d.%m.%Y %H:%M', lossy: true}"),
    ("due", "{path: d, format: epoch_s}"),
    ("due", "{path: d, format: epoch_ms}"),
    ("day", "{path: d, format: date}"),
    ("size", "{path: s}"),
    ("size", "{path: s, format: text}"),
    ("urgent", "{path: u}"),
    ("urgent", "{path: u, format: text}"),
    ("urgent", "{path: u, values: {true: 'Y', false: 'N'}}"),
]
moments = st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M}:00Z".rjust(20, "0"))
values = (
    st.text(max_size=15)
    | st.sampled_from(["high", "low", "1", "2", "u1", "Ann@Example.com", "INC 7", "<x>", "", None])
    | st.emails()
    | st.lists(st.text(max_size=4), max_size=3)
    | moments
    | st.dates().map(str)
    | st.integers()
    | st.floats()
    | st.booleans()
    | documents
)


@pytest.fixture(scope="module", params=RULES, ids=[f"{name}: {rule}" for name, rule in RULES])
def field(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name, rule = request.param
    mapping = compiled(tmp_path_factory.mktemp("codec"), f"fields:\n  {name}: {rule}\n")
    return mapping, name


@given(ext=values)
def test_whatever_is_shown_obeys_the_law_or_is_refused(field: Any, ext: Any) -> None:
    mapping, name = field
    codec, lossy = mapping.codecs[name], mapping.fields[name].lossy
    assert list(violations_outside(codec, ext, lossy=lossy)) == []
    shown = mapping.read({"t": ext, "l": ext, "o": ext, "d": ext, "s": ext, "u": ext})[name]
    try:
        value = mapping.from_ext(name, shown)
    except MappingError:
        return
    assert list(violations(codec, value, lossy=lossy)) == []


@given(value=values)
def test_whatever_is_written_is_sent_or_refused(field: Any, value: Any) -> None:
    mapping, name = field
    try:
        ext = mapping.to_ext(name, value)
    except MappingError:
        return
    mapping.write({name: ext}, {name: value})
    assert mapping.norm(name, mapping.norm(name, ext)) == mapping.norm(name, ext)


@pytest.mark.parametrize(
    ("name", "rule", "ext", "value"),
    [
        ("level", "{path: l, values: {high: 1, low: [2, 3]}, lossy: true}", 3, "low"),
        ("level", "{path: l, values: {high: 1, low: 2}, on_unknown: default, default: low, lossy: true}", 9, "low"),
        ("level", "{path: l, values: {high: 1, low: 2}, on_unknown: keep}", "odd", "odd"),
        ("level", "{path: l, values: {high: 1, low: 2}, empty: low, lossy: true}", None, "low"),
        ("level", "{path: l, values: {high: 1, low: 2}}", None, None),
        ("owner", "{path: o}", "Ann@Example.com", "ann@example.com"),
        (
            "owner",
            "{path: o, values: {ann@example.com: {ext: ann@example.com, also: [u1]}}, lossy: true}",
            "u1",
            "ann@example.com",
        ),
        ("tags", "{path: t}", ["big one", "a", "a "], ["a", "big_one"]),
        ("tags", "{path: t, separator: ','}", "b,a,,b", ["a", "b"]),
        ("tags", "{path: t, separator: ','}", None, []),
        ("due", "{path: d}", "2023-05-10T14:47:17.244-0400", "2023-05-10T18:47:17.244Z"),
        ("due", "{path: d, format: utc}", "2026-03-01 10:20:30", "2026-03-01T10:20:30Z"),
        ("due", "{path: d, format: epoch_ms}", 1672531200123, "2023-01-01T00:00:00.123Z"),
        ("due", "{path: d, format: epoch_s}", "1672531200", "2023-01-01T00:00:00Z"),
        ("day", "{path: d, format: date}", "2026-03-01", "2026-03-01"),
        ("size", "{path: s}", "12", 12),
        ("size", "{path: s}", "12.50", 12.5),
        ("urgent", "{path: u}", "true", True),
        ("urgent", "{path: u, values: {true: 'Y', false: 'N'}}", "N", False),
        ("title", "{path: t, template: 'INC ${value}'}", "INC mail", "mail"),
        ("note", "{path: n}", "", None),
        ("note", "{path: n}", "a\r\nb", "a\nb"),
    ],
)
def test_reading(tmp_path: Path, name: str, rule: str, ext: Any, value: Any) -> None:
    assert compiled(tmp_path, f"fields:\n  {name}: {rule}\n").from_ext(name, ext) == value


@pytest.mark.parametrize(
    ("name", "rule", "ext"),
    [
        ("level", "{path: l, values: {high: 1, low: 2}}", 3),
        ("level", "{path: l, values: {high: 1, low: 2}}", ["high"]),
        ("level", "{path: l, values: {high: '1', low: '2'}, on_unknown: keep}", "high"),
        ("level", "{path: l, values: {high: '1', low: '2'}, on_unknown: keep}", float("nan")),
        ("level", "{path: l, values: {high: '1', low: '2'}, on_unknown: keep}", float("inf")),
        ("title", "{path: t}", None),
        ("title", "{path: t}", {"a": 1}),
        ("title", "{path: t, template: 'INC ${value}'}", "mail"),
        ("owner", "{path: o}", "5b10ac8d82e05b22cc7d4ef5"),
        ("tags", "{path: t}", {"a": 1}),
        ("tags", "{path: t}", [{"a": 1}]),
        ("due", "{path: d}", "tomorrow"),
        ("due", "{path: d, format: epoch_s}", True),
        ("size", "{path: s}", "many"),
        ("size", "{path: s}", "nan"),
        ("urgent", "{path: u}", "perhaps"),
    ],
)
def test_what_is_not_understood_is_refused_with_the_field_and_the_value(
    tmp_path: Path, name: str, rule: str, ext: Any
) -> None:
    with pytest.raises(MappingError) as caught:
        compiled(tmp_path, f"fields:\n  {name}: {rule}\n").from_ext(name, ext)
    assert (caught.value.field, caught.value.value, caught.value.mapping) == (name, ext, "some-thing")


def test_the_refusal_names_the_known_values(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, "fields:\n  level: {path: l, values: {high: 1, low: 2}}\n")
    with pytest.raises(MappingError, match=r"level has the unknown value 3; known values: 1, 2"):
        mapping.from_ext("level", 3)
    with pytest.raises(MappingError, match=r"known values: high, low"):
        mapping.to_ext("level", "medium")


@pytest.mark.parametrize(
    ("rule", "text", "shown"),
    [
        ("{path: t, max_length: 5}", "abcdefg", "abcde"),
        ("{path: t, max_length: 5, strip: true}", "abcd efg", "abcd"),
        ("{path: t, single_line: true}", "a\r\nb\nc", "a b c"),
        ("{path: t, strip: lines}", "\n a \n", " a "),
        ("{path: t, lower: true, max_length: 2}", "İİ", "i̇"),
        ("{path: t, strip: true}", "  ", None),
    ],
)
def test_normalisers(tmp_path: Path, rule: str, text: str, shown: str | None) -> None:
    assert compiled(tmp_path, f"fields:\n  title: {rule}\n").norm("title", text) == shown
