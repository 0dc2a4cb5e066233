"""Documents that could be anything a vendor sends, and mappings written in a test."""

from __future__ import annotations

from pathlib import Path

from hypothesis import strategies as st

from mappings.compiler import CompiledMapping
from mappings.loader import Loaded, library_names, load_mapping, read_mapping

LIBRARY = {name: load_mapping(name) for name in library_names()}

TYPE = """\
type: thing
version: 1
fields:
  title: {kind: text, required: true}
  note: {kind: text}
  state: {kind: enum, values: [open, waiting, done]}
  level: {kind: enum, values: [high, low]}
  owner: {kind: user, personal: true}
  tags: {kind: set, spaces: "_"}
  due: {kind: time}
  day: {kind: time}
  size: {kind: number}
  urgent: {kind: bool}
  talk: {kind: items}
"""
HEAD = "mapping: some-thing\nversion: 1\nsystem: shop\nobject: thing\ntype: thing\n"

leaves = (
    st.none() | st.booleans() | st.integers(-5, 10**6) | st.text(max_size=12) | st.floats(allow_nan=False, width=32)
)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def check(folder: Path, text: str, *, record_type: str = TYPE) -> Loaded:
    """Reads a mapping for the type `thing`; `text` is what follows the head."""
    (folder / "types").mkdir(exist_ok=True)
    (folder / "types" / "thing.yaml").write_text(record_type)
    file = folder / "some-thing.yaml"
    file.write_text(HEAD + text)
    return read_mapping(file)


def compiled(folder: Path, text: str) -> CompiledMapping:
    """A mapping that must have no problems."""
    loaded = check(folder, text)
    assert loaded.mapping is not None, "\n".join(map(str, loaded.problems))
    return loaded.mapping
