"""Texts with a form of their own: JSONPaths, addresses, texts with slots. Each is checked where it stands."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, StringConstraints

from connectors.contract.written.paths import parse_path
from connectors.declared.slots import parse

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
TimeFormat = Literal["rfc3339", "rfc3339_s", "epoch_s", "epoch_ms", "date"]
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


Path = Annotated[str, AfterValidator(_path), Field(description="JSONPath, such as $.items[*].id.")]
Text = Annotated[str, AfterValidator(_slots), Field(description="A text; `${name}` is filled in.")]
Address = Annotated[
    str, AfterValidator(_address), Field(description="A path on the connection's host; `${name}` is percent-encoded.")
]
HeaderName = Annotated[str, AfterValidator(_header)]
Body = JsonValue
"""Any document; in its texts `${name}` is filled in, and a text that is one `${name}` becomes the value itself."""
