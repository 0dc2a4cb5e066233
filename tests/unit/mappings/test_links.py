"""Fields of kind `record`: named where they were typed, each system by its own ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract.errors import MappingError
from mappings.compiler import CompiledMapping
from mappings.links import Awaited
from mappings.loader import read_mapping

TYPE = "type: part\nfields:\n  title: {kind: text}\n  above: {kind: record}\n"
TEXT = """\
mapping: some-part
version: 1
system: shop
object: part
type: part
fields:
  title: {path: t, with: {up: "${above}"}}
  above: {path: above.id, clear_at: above}
"""


class Known(dict[tuple[str, str, str], str]):
    """What the gateway knows."""

    def there(self, name: str, connection: str, object: str) -> str | None:
        return self.get((name, connection, object))


@pytest.fixture
def mapping(tmp_path: Path) -> CompiledMapping:
    (tmp_path / "types").mkdir()
    (tmp_path / "types" / "part.yaml").write_text(TYPE)
    (tmp_path / "some-part.yaml").write_text(TEXT)
    loaded = read_mapping(tmp_path / "some-part.yaml")
    assert loaded.mapping is not None, [str(each) for each in loaded.problems]
    return loaded.mapping


def test_a_name_is_where_it_was_typed_and_goes_back_as_it_came(mapping: CompiledMapping) -> None:
    here = mapping.bound("north", Known())
    (ext,) = [value for name, value in here.read({"above": {"id": 7}}).items() if name == "above"]
    assert here.from_ext("above", ext) == "north:part:7"
    assert here.to_ext("above", "north:part:7") == "7"
    assert here.write({"above": "7"}, {}) == {"above": {"id": "7"}}
    assert here.write({"above": None}, {}) == {"above": None}
    assert here.from_ext("above", None) is None and here.to_ext("above", None) is None


def test_another_system_gets_its_own_id_or_waits(mapping: CompiledMapping) -> None:
    known = Known({("south:thing:x:1", "north", "part"): "7"})
    here = mapping.bound("north", known)
    assert here.to_ext("above", "south:thing:x:1") == "7"
    assert here.write({"title": "t"}, {"above": "south:thing:x:1"}) == {"t": "t", "up": "7"}
    with pytest.raises(Awaited, match="south:thing:2"):
        here.to_ext("above", "south:thing:2")


def test_what_is_no_id_is_refused(mapping: CompiledMapping) -> None:
    with pytest.raises(MappingError):
        mapping.bound("north", Known()).from_ext("above", ["7"])
