"""Templates and what they may call. Everything that comes from outside is escaped; what is undefined is an error."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway.console import charts
from gateway.console.words import connection_look, label_of, leaver_look, look_of

HERE = Path(__file__).parent
_STEPS = ((60.0, "s", 1.0), (3600.0, "min", 60.0), (172_800.0, "h", 3600.0))
_THIN = "\u202f"
NOTHING = "\u2013"
"""Where there is no value."""


def moment(at: float | None) -> str:
    """`2026-11-21 03:12:40Z`."""
    return "" if not at else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def machine(at: float) -> str:
    """The same for `<time datetime>`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def age(seconds: float | None) -> str:
    """`12 s`, `4 min`, `3 h`, `9 d`; never below zero."""
    if seconds is None:
        return ""
    for below, unit, size in _STEPS:
        if seconds < below:
            return f"{max(0, int(seconds / size))} {unit}"
    return f"{int(seconds / 86_400)} d"


def number(value: float) -> str:
    """With a thin space between thousands, as in 1 204."""
    text = f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 10 else f"{value:,.1f}"
    return text.replace(",", _THIN)


def many(count: int, one: str, several: str = "") -> str:
    """`1 case`, `1 204 cases`."""
    return f"{number(count)} {one if count == 1 else several or one + 's'}"


def show(value: Any) -> str:
    """A field's value as text: nothing is a dash, a set its words, all else as JSON."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set | frozenset) and all(isinstance(one, str) for one in value):
        return ", ".join(sorted(value)) or NOTHING
    return orjson.dumps(value, default=str).decode()


def pretty(value: Any) -> str:
    """A document on several lines; text as it is."""
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str).decode()


def _json_text(value: Any) -> str:
    """A document on one line, for a hidden field: it is escaped like any text."""
    return orjson.dumps(value).decode()


def initials(name: str) -> str:
    """Two letters for the person's button."""
    parts = [part for part in name.replace(".", " ").replace("@", " ").split() if part[0].isalnum()]
    return "".join(part[0] for part in parts[:2]).upper() or "?"


def query(given: Mapping[str, Any], **changed: Any) -> str:
    """The query string of a link to the same view with something changed; what is empty is left out."""
    merged = {**given, **changed}
    kept = {name: value for name, value in merged.items() if value not in (None, "", False, ())}
    return "?" + urlencode(kept, doseq=True) if kept else "?"


def path(*parts: str) -> str:
    """A path of our own from parts that may hold anything."""
    return "/" + "/".join(quote(str(part), safe="") for part in parts)


@cache
def release_of_files() -> str:
    """Changes with any static file, so that browsers may keep them for ever."""
    digest = hashlib.sha256()
    for file in sorted((HERE / "static").iterdir()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def asset(name: str) -> str:
    """Where a static file is served."""
    return f"/console/static/{release_of_files()}/{name}"


@cache
def environment() -> Environment:
    """All templates, compiled once."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "age": age,
        "initials": initials,
        "machine": machine,
        "many": many,
        "moment": moment,
        "number": number,
        "pretty": pretty,
        "show": show,
        "tojson_text": _json_text,
    }
    made.globals |= {
        "asset": asset,
        "charts": charts,
        "connection_look": connection_look,
        "label_of": label_of,
        "leaver_look": leaver_look,
        "look_of": look_of,
        "path": path,
        "query": query,
    }
    return made


def render(template: str, **context: Any) -> str:
    """A page as text."""
    return environment().get_template(template).render(**context)
