"""From a document that came in to a test that may be kept: only what the mapping reads, nobody's name in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from connectors.contract.errors import MappingError
from connectors.contract.written.paths import MISSING, look_up, parse_path, put, simple
from mappings.compiler import CompiledMapping
from mappings.model import MappingFile, TypeFile

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def fixture(
    mapping: CompiledMapping, model: MappingFile, record_type: TypeFile, raw: Mapping[str, Any], name: str
) -> str:
    """An entry of `tests:` in YAML: this document, and what the mapping makes of it (or which field it refuses).

    What personal fields are read from is replaced: the same person by the same made-up one, so that two fields which
    name one still do. E-mail addresses anywhere else are replaced, too. What is looked up otherwise than from key to
    key is not in it.
    """
    reduced = _reduced(model, record_type, raw)
    expected: dict[str, Any]
    try:
        found = mapping.read(reduced)
        expected = {"record": {field: mapping.from_ext(field, ext) for field, ext in found.items()}}
    except MappingError as error:
        expected = {"refused": error.field}
    out = StringIO()
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    yaml.dump([{"name": name, "given": {"raw": reduced}, "expect": expected}], out)
    return out.getvalue()


def _reduced(model: MappingFile, record_type: TypeFile, raw: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, rule in model.fields.items():
        of_type = record_type.fields[name]
        for path in rule.path:
            keys = simple(parse_path(path))
            value = look_up(parse_path(path), raw, many=False) if keys else MISSING
            if keys and value is not MISSING:
                put(kept, keys, _made_up(value, of_type.kind) if of_type.personal else _anonymous(value))
    return kept


def _made_up(value: Any, kind: str) -> Any:
    """Somebody else, the same one for the same value; empty stays empty."""
    if value in (None, "", [], {}) or isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_made_up(each, kind) for each in value]
    if isinstance(value, Mapping):
        return {key: _made_up(each, kind) for key, each in value.items()}
    if kind == "user" and isinstance(value, str) and "@" not in value:
        return f"user-{_short(value)}"
    return f"person-{_short(str(value))}@example.com" if kind == "user" else f"made up {_short(str(value))}"


def _anonymous(value: Any) -> Any:
    if isinstance(value, str):
        return _MAIL.sub(lambda found: f"person-{_short(found[0])}@example.com", value)
    if isinstance(value, list):
        return [_anonymous(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _anonymous(each) for key, each in value.items()}
    return value


def _short(value: str) -> str:
    """Tells values apart without saying them: two digits cannot be turned back."""
    return hashlib.sha256(value.strip().casefold().encode()).hexdigest()[:2]
