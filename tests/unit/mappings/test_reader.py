"""The generated function and jsonpath-ng must read the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse as parse_jsonpath

from connectors.contract.written.paths import parse_path, put, simple
from mappings.finding import finder
from mappings.reader import Leaf, generate, plain_read
from tests.unit.mappings.support import compiled, documents

keys = st.sampled_from(["a", "b", "c", "it's", 'q"', "a.b", "\\", "é"])
spelled = st.lists(keys, min_size=1, max_size=3).map(lambda path: "$" + "".join(f"[{_quoted(key)}]" for key in path))
awkward = st.sampled_from(["a[*].b", "a[0]", "$..b", "a.*", "a[?(@.b == 1)].c", "$", "a.b[0].c"])
nested = st.recursive(
    st.none() | st.just("") | st.integers(0, 2) | st.sampled_from(["x", "y\r\nz", "y\rz"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def _quoted(key: str) -> str:
    return "'" + key.replace("\\", "\\\\").replace("'", "\\'") + "'"


@given(
    paths=st.lists(st.lists(spelled | awkward, min_size=1, max_size=3), min_size=1, max_size=6),
    kinds=st.lists(st.sampled_from(["text", "enum", "set", "number", "finds"]), min_size=6, max_size=6),
    raw=st.dictionaries(keys, nested, max_size=5),
)
def test_generated_code_agrees_with_look_ups(paths: list[list[str]], kinds: list[str], raw: dict[str, Any]) -> None:
    leaves = [
        _leaf(f"f{at}", tuple(map(parse_path, alternatives)), kind)
        for at, (alternatives, kind) in enumerate(zip(paths, kinds, strict=False))
    ]
    assert generate("property", leaves, [], whole=True)(raw) == plain_read(leaves, raw)


def _leaf(name: str, paths: tuple[Any, ...], kind: str) -> Leaf:
    if kind == "finds":
        return Leaf(name, paths, "set", finder(["[a-z]+"]), joins=True)
    return Leaf(name, paths, kind, as_list if kind == "set" else None)


def as_list(value: Any) -> Any:
    return [] if value is None or value == "" else value


@given(raw=documents.map(lambda value: {"a": value}))
def test_reading_any_document_never_raises(raw: dict[str, Any]) -> None:
    leaves = [Leaf("x", (parse_path("a.b.c"), parse_path("a[0].b")), "text"), Leaf("y", (parse_path("a[*]"),), "set")]
    assert set(generate("any", leaves, [], whole=True)(raw)) <= {"x", "y"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, {}),
        ({"who": {}}, {}),
        ({"who": None}, {"owner": None}),
        ({"who": ""}, {"owner": None}),
        ({"who": {"mail": None}}, {"owner": None}),
        ({"who": {"mail": ""}}, {"owner": None}),
        ({"who": "somebody"}, {}),
        ({"who": {"mail": " Ann@Example.com"}}, {"owner": "ann@example.com"}),
        ({"who": {"mail": "", "id": "7"}}, {"owner": "7"}),
        ({"who": {"id": "7"}}, {"owner": "7"}),
    ],
)
def test_empty_is_not_missing(tmp_path: Path, raw: dict[str, Any], expected: dict[str, Any]) -> None:
    mapping = compiled(tmp_path, "fields:\n  owner: {path: [who.mail, who.id]}\n")
    assert mapping.read(raw) == expected


def test_zero_and_false_are_values(tmp_path: Path) -> None:
    mapping = compiled(tmp_path, "fields:\n  size: {path: size}\n  urgent: {path: urgent}\n")
    assert mapping.read({"size": 0, "urgent": False}) == {"size": 0, "urgent": False}


def test_a_path_to_many_gives_all_to_a_set_and_the_first_to_others(tmp_path: Path) -> None:
    text = "fields:\n  tags: {path: 'parts[*].name', direction: in}\n  note: {path: 'parts[*].name', direction: in}\n"
    mapping = compiled(tmp_path, text)
    assert mapping.read({"parts": [{"name": "b"}, {"name": "a"}]}) == {"tags": ["a", "b"], "note": "b"}
    assert mapping.read({"parts": []}) == {"tags": []}
    assert mapping.read({}) == {}


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.b", ("a", "b")), ("$['a.b'].c", ("a.b", "c")), ("a[0]", None), ("a[*]", None), ("a,b", None), ("*", None)],
)
def test_which_paths_are_simple(path: str, expected: tuple[str, ...] | None) -> None:
    assert simple(parse_path(path)) == expected


def test_plain_paths_are_what_the_library_makes_of_them() -> None:
    for path in ("a", "a.b", "fields.customfield_10050.value"):
        assert parse_path(path) == parse_jsonpath(path)


@pytest.mark.parametrize("path", ["a[", "a..", "", "a[?(]", "a b c"])
def test_a_bad_path_says_so(path: str) -> None:
    with pytest.raises(ValueError, match="is not a JSONPath"):
        parse_path(path)


def test_putting_makes_way_for_blocks() -> None:
    document: dict[str, Any] = {"a": None}
    put(document, ("a", "b"), 1)
    put(document, ("a", "c"), 2)
    assert document == {"a": {"b": 1, "c": 2}}
