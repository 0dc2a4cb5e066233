"""The shape of mapping files and record type files as people write them. Meaning is checked by `lint`, not here."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, JsonValue, StringConstraints

from connectors.contract.written.edge import Strict

Kind = Literal["text", "enum", "set", "user", "time", "number", "bool", "record", "items"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Title = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]*$", max_length=80)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_value_rule(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value:
        return {"ext": value[0], "also": value[1:]}
    return {"ext": value}


Paths = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)]


class TypeField(Strict):
    """One field of a record type."""

    kind: Kind
    values: list[Name] = Field(
        default=[], description="The values of an `enum`, in the order in which people list them."
    )
    required: bool = Field(default=False, description="An empty value is refused: it becomes a case.")
    personal: bool = Field(default=False, description="Identifies a person: masked in exports and in cases.")
    spaces: str | None = Field(default=None, description="`set`: what stands for white space inside an element.")
    doc: str = ""


class TypeFile(Strict):
    """A record type: what a thing is, whatever system it lives in."""

    type: Name
    version: int = Field(default=1, ge=1)
    doc: str = ""
    fields: dict[Name, TypeField] = Field(min_length=1)


class ValueRule(Strict):
    """How one canonical value looks outside.

    A plain value is short for `{ext: value}`, a list for `{ext: first, also: rest}`.
    """

    ext: JsonValue = Field(description="The external value, as read and as written.")
    also: list[JsonValue] = Field(
        default=[], description="Further external values that mean the same; read, never written."
    )
    read: bool = Field(default=True, description="`false`: `ext` is written for this value but read as another one.")
    with_: dict[str, JsonValue] = Field(
        default={},
        alias="with",
        description="Native values sent along, by path; texts may hold `${field}` or `${field|default}`.",
    )


AnyValueRule = Annotated[
    ValueRule,
    BeforeValidator(_as_value_rule, json_schema_input_type=ValueRule | list[JsonValue] | str | float | bool | None),
]


class FallbackModel(Strict):
    """What is written instead of a person whom the system does not know, or who is inactive there."""

    when: str | None = Field(default=None, description="CEL condition over `record`; the first that fits is taken.")
    value: str | None = Field(default=None, description="A shared address to put in this field; without it nobody.")
    with_: dict[str, JsonValue] = Field(
        default={}, alias="with", description="Native values by path that name a group; texts as in `values.*.with`."
    )


def _as_fallbacks(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class FieldModel(Strict):
    """One field: a rule for both directions unless `direction` says otherwise."""

    path: Paths = Field(
        description="JSONPath into the vendor's document; of several, the first that is there and not empty."
    )
    write: str | None = Field(default=None, description="Where to write, if not at the (first) `path`.")
    direction: Literal["both", "in", "out"] = "both"
    computed: bool = Field(
        default=False, description="The system computes the value itself: only the values of `with` are sent."
    )
    values: dict[str, AnyValueRule] = Field(default={}, description="Canonical value to external value.")
    on_unknown: Literal["case", "default", "keep"] = Field(
        default="case",
        description="A value that `values` does not name: a case, the value of `default`, or kept as it is.",
    )
    default: JsonValue = Field(default=None, description="Canonical value for `on_unknown: default`.")
    empty: JsonValue = Field(default=None, description="Canonical value that an empty external value means.")
    lossy: bool = Field(default=False, description="Declares that going out and back may change the value.")
    with_: dict[str, JsonValue] = Field(
        default={}, alias="with", description="Native values sent along with any value."
    )
    when: dict[Name, list[str]] = Field(
        default={},
        max_length=1,
        description="The field means something only while another field has one of these values.",
    )
    steps: dict[str, list[str]] = Field(
        default={}, description="The system moves this field only along steps: external value to possible next ones."
    )
    fallback: Annotated[
        list[FallbackModel],
        BeforeValidator(_as_fallbacks, json_schema_input_type=FallbackModel | list[FallbackModel]),
    ] = Field(default=[], description="`user`: who stands in for somebody whom the system does not know.")
    clear_at: str | None = Field(default=None, description="Path that is set to the empty value to clear the field.")
    separator: str | None = Field(
        default=None, min_length=1, description="`set`: elements are joined to one text with this."
    )
    format: str | None = Field(
        default=None, description="`time`: iso, epoch_s, epoch_ms, date or a strptime pattern; `number`, `bool`: text."
    )
    find: Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str])] = Field(
        default=[],
        description="`set`: the references that are found in the texts at all of `path` by these patterns.",
    )
    template: str | None = Field(default=None, description="`text`: shown text around `${value}`.")
    max_length: int | None = Field(default=None, ge=1, description="The system cuts after so many characters.")
    strip: bool | Literal["lines"] = Field(
        default=False, description="The system removes white space at both ends; `lines`: only line breaks."
    )
    single_line: bool = Field(default=False, description="The system keeps one line: line breaks become blanks.")
    lower: bool = Field(default=False, description="The system stores lower case.")
    newlines: Literal["lf", "crlf"] = Field(default="lf", description="Line breaks as the system wants them written.")


class ItemsModel(Strict):
    """Comments and work notes: which kinds come in as what, which go out as what; `drop` leaves them out."""

    field: Name
    in_: dict[Name, Name] = Field(alias="in")
    out: dict[Name, Name]


class DepartureModel(Strict):
    """What ends the life of an object for this flow."""

    deleted: bool = Field(default=True, description="A deletion counts as leaving.")
    when: str | None = Field(default=None, description="CEL condition over `raw`: true when the object has left.")
    closed: dict[Name, JsonValue] = Field(default={}, description="Canonical values that mean closed here.")


class MappingFile(Strict):
    """Joins one system's object to one record type."""

    mapping: Title
    version: int = Field(ge=1)
    system: Title
    object: Title
    type: Name
    doc: str = ""
    clear_with: JsonValue = Field(default=None, description="How this system writes an empty value.")
    reads: list[str] = Field(
        default=[], description="Native fields to ask the system for besides those its connector reads anyway."
    )
    fields: dict[Name, FieldModel] = Field(min_length=1)
    items: ItemsModel | None = None
    departure: DepartureModel = DepartureModel()
