"""The schemas that editors use agree with what the loader accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from connectors.contract.written.places import read_source
from connectors.contract.written.units import seconds, size
from gateway.config.schema import MODELS, json_schema
from mappings.loader import LIBRARY, TYPES

ROOT = Path(__file__).parents[4]
FILES = [
    (ROOT / "examples" / "lockstep.yaml", "lockstep"),
    *(
        (file, "mapping-test" if file.name.endswith(".test.yaml") else "mapping")
        for file in sorted(LIBRARY.glob("*.yaml"))
    ),
    *((file, "type") for file in sorted(TYPES.glob("*.yaml"))),
]


@pytest.mark.parametrize(("file", "kind"), FILES, ids=lambda each: getattr(each, "name", each))
def test_what_ships_is_valid(file: Path, kind: str) -> None:
    jsonschema.validate(read_source(file).data, json_schema(kind))


@pytest.mark.parametrize("kind", MODELS)
def test_every_schema_is_one(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(kind))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"what": 1}, json_schema(kind))


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30.0), ("1.5m", 90.0), ("2h", 7200.0), ("7d", 604800.0), ("250ms", 0.25)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["30", 30, "s", "", None, "-1s", "1 week", True, "1s2m"])
def test_durations_need_a_unit(text: Any) -> None:
    with pytest.raises(ValueError, match="duration"):
        seconds(text)


@pytest.mark.parametrize(("text", "expected"), [("10MB", 10485760), ("512 KB", 524288), ("7B", 7)])
def test_sizes(text: str, expected: int) -> None:
    assert size(text) == expected


def test_sizes_need_a_unit() -> None:
    with pytest.raises(ValueError, match="size"):
        size("10")
