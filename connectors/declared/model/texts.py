"""Texts with a form of their own: JSONPaths, addresses, texts with slots. Each is checked where it stands."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from connectors.contract.written.paths import parse_path
from connectors.declared.slots import parse

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
TIME_FORMS = ("rfc3339", "rfc3339_s", "epoch_s", "epoch_ms", "date")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _path(text: str) -> str:
    if not text.startswith("$"):
        raise ValueError(f"'{text}' is not a JSONPath; try '$.{text}'")
    parse_path(text)
    return text


def _slots(text: str) -> str:
    parse(text)
    return text


def _address(text: str) -> str:
    parse(text)
    if not text.startswith("/") or text.startswith("//"):
        raise ValueError("this should be a path on the system's own host; try '/api/tickets'")
    bare = text.partition("?")[0]
    if {".", ".."} & set(bare.split("/")) or "\\" in bare or "#" in text:
        raise ValueError("a path has no '.', '..', '\\' or '#' in it; try writing the path out")
    if any(sign.isspace() for sign in text):
        raise ValueError("a path has no blanks; try %20")
    return text


def _header(text: str) -> str:
    if not HEADER.fullmatch(text):
        raise ValueError(f"'{text}' is not the name of a header; try X-Api-Version")
    return text


def is_pattern(form: str) -> bool:
    """Whether a form of times is written out by directives, such as %Y-%m-%d %H:%M:%S."""
    return "%" in form


def _time_form(text: str) -> str:
    if text in TIME_FORMS:
        return text
    if not is_pattern(text):
        forms = ", ".join(TIME_FORMS)
        raise ValueError(f"'{text}' is no form of a time; try one of: {forms}, or a pattern such as %Y-%m-%d %H:%M:%S")
    named = _DIRECTIVE.findall(text)
    strange = next((each for each in named if each not in tuple("YmdHMSfz%")), None)
    if strange is not None:
        raise ValueError(f"'%{strange}' means nothing here; try %Y, %m, %d, %H, %M, %S, %f (microseconds) or %z")
    if not {"Y", "m", "d"} <= set(named) or max(named.count(each) for each in "YmdHMSfz") > 1:
        raise ValueError("a time has one year, month and day; try %Y-%m-%d %H:%M:%S")
    return text


TimeFormat = Annotated[
    str,
    AfterValidator(_time_form),
    Field(
        description="`rfc3339`, `rfc3339_s`, `epoch_s`, `epoch_ms`, `date`, or a pattern: %Y, %m, %d, %H, %M, %S, "
        "%f, %z and other signs as they stand.",
        examples=["rfc3339", "%Y-%m-%d %H:%M:%S"],
    ),
]
Path = Annotated[str, AfterValidator(_path), Field(description="JSONPath, such as $.items[*].id.")]
Text = Annotated[str, AfterValidator(_slots), Field(description="A text; `${name}` is filled in.")]
Address = Annotated[
    str, AfterValidator(_address), Field(description="A path on the connection's host; `${name}` is percent-encoded.")
]
HeaderName = Annotated[str, AfterValidator(_header)]
Body = JsonValue
"""Any document; in its texts `${name}` is filled in, and a text that is one `${name}` becomes the value itself."""
