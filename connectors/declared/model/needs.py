"""What a connector has to be told besides address and credentials: once, for parser, form and docs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from connectors.contract.written.edge import Strict
from connectors.declared.slots import SeveralSegments


def _segments(text: str) -> SeveralSegments:
    if any(each in ("", ".", "..") for each in text.split("/")):
        raise ValueError("this should be a path without '.', '..' and empty parts; try folder/name")
    return SeveralSegments(text)


_TYPES: dict[str, Any] = {
    "text": str,
    "path": Annotated[str, AfterValidator(_segments)],
    "integer": int,
    "number": float,
    "boolean": bool,
}


_KINDS: dict[str, type] = {"integer": int, "number": float, "boolean": bool}


class Need(Strict):
    """One setting. It is given under `options:` of the connection, or under `with:` of a flow's member."""

    type: Literal["text", "path", "integer", "number", "boolean", "choice"] = Field(
        default="text", description="`path`: keeps its slashes in an address; its parts are percent-encoded."
    )
    label: str = Field(default="", description="What a form calls it.")
    doc: str = Field(default="", description="One sentence that says where to find it.")
    default: str | int | float | bool | None = Field(default=None, description="Without one it has to be given.")
    example: str | int | float | bool | None = None
    choices: list[str] = Field(default=[], description="Of a `choice`.")
    pattern: str | None = Field(default=None, description="Regular expression that a text has to match as a whole.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to 'type: choice'; try 'type: choice' with 'choices: [a, b]'")
        if self.default is not None and not isinstance(self.default, _KINDS.get(self.type, str)):
            raise ValueError(f"the default is no {self.type}; try a {self.type}")
        if self.pattern is not None and self.type != "text":
            raise ValueError("a pattern is for texts; try 'type: text'")
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ValueError(f"this pattern cannot be used: {error}") from None
        if self.default is not None:
            try:
                model_of("Setting", {"it": self}).model_validate({"it": self.default})
            except ValidationError:
                raise ValueError("the default is not a value that this setting takes; try another") from None
        return self


Needs = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Need]


class Given(BaseModel):
    """Base of the models that settings are read with: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, regex_engine="python-re")


def model_of(name: str, needs: Needs) -> type[Given]:
    """A model of exactly these settings."""
    fields: dict[str, Any] = {}
    for key, need in needs.items():
        kind = Literal[tuple(need.choices)] if need.choices else _TYPES[need.type]
        default: Any = ... if need.default is None else need.default
        fields[key] = (kind, Field(default, pattern=rf"^(?:{need.pattern})$" if need.pattern else None))
    return create_model(name, __base__=Given, **fields)
