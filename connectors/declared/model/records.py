"""One kind of object: what it is known by, how it is listed, read and found, and what is written."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from connectors.declared.model.needs import Needs
from connectors.declared.model.requests import Listing, Reading
from connectors.declared.model.texts import Name, Path, Text, TimeFormat
from connectors.declared.model.writes import Writes


def _at(value: Any) -> Any:
    return {"at": value} if isinstance(value, str) else value


def _states(value: Any) -> Any:
    return {each: each for each in value} if isinstance(value, list) else value


class Version(Strict):
    """The number that tells states of an object apart."""

    at: Path
    kind: Literal["counter", "ordered"] = Field(
        default="ordered", description="`counter`: one more with each change, whoever makes it. `ordered`: it grows."
    )


class Moment(Strict):
    """A time in an object."""

    at: Path
    as_: TimeFormat = Field(default="rfc3339", alias="as")


class Updated(Moment):
    """When an object was last changed."""

    exact: Duration = Field(default=1.0, description="The finest difference the system shows.", validate_default=False)


class Also(Listing):
    """A part of an object that another request shows."""

    where: str | None = Field(default=None, description="CEL over `row` and `setting`: entries that count.")
    take: Literal["all", "first"] = Field(default="all", description="`first`: one entry, null where there is none.")


class One(Reading):
    """Reading one object, by `${id}`."""

    listed: bool = Field(
        default=False, description="In place of an address: it is looked for in `list`, which shows all there are."
    )
    absent: list[int] = Field(default=[404, 410], description="Statuses that say: it is not there.")
    also: dict[Name, Also] = Field(default={}, description="Parts that other requests show, by the name they get.")

    among: Reading | None = Field(
        default=None,
        description="Where deleted objects can still be read: asks for `${id}` among those that are there.",
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.get is not None, self.post is not None, self.listed].count(True) != 1:
            raise ValueError("a request has one address; try 'get: /path', or 'listed: true' where an object has none")
        if self.body is not None and self.post is None:
            raise ValueError("only a post has a body; try 'post:'")
        return self


class Since(Strict):
    """How a poll asks for what changed, or tells by itself."""

    at: Annotated[Moment | None, BeforeValidator(_at, json_schema_input_type=str | Moment)] = Field(
        default=None,
        description="The time that the list is narrowed and sorted by, where that is not `updated`: when it was made.",
    )
    reaches_back: Duration = Field(
        default=0.0,
        description="For so long after `at` an object still changes or comes into sight: so far back the list is read.",
        validate_default=False,
    )
    etag: bool = Field(default=False, description="The system answers 304 to who has seen the list as it is.")
    param: str | None = Field(
        default=None,
        description="Takes the time. Left out: `${since}` in `list`; else all is listed and compared here.",
    )
    as_: TimeFormat = Field(default="rfc3339", alias="as")
    order: Literal["oldest_first", "newest_first", "none"] = Field(
        default="none", description="How the list is sorted by its time of change, if it is; see `list.query`."
    )
    overlap: Duration = Field(
        default=120.0, description="How far each poll reaches back.", validate_default=False, gt=0
    )


class Gone(Listing):
    """A list of what was deleted."""

    id: Path = Field(default="$.id", description="In each entry: the object's id.")
    param: str | None = Field(default=None, description="Takes the time since when.")
    as_: TimeFormat = Field(default="rfc3339", alias="as")


class Marker(Strict):
    """Where our correlation key is stored in a create, so that it can be found after a lost answer."""

    at: Path = Field(description="In an object. From key to key only: there it is written, too.")
    kind: Literal["field", "label"] = Field(default="field", description="`label`: one of a list of texts.")
    as_: Text = Field(default="${correlation}", alias="as", description="What is stored; holds `${correlation}` once.")
    find: Listing = Field(description="Lists the objects that carry `${marker}`; others in the answer are left out.")


class CommentShape(Strict):
    """Where a comment shows what."""

    id: Path = "$.id"
    text: Path
    author: Path | None = None
    at: Annotated[Moment | None, BeforeValidator(_at, json_schema_input_type=str | Moment)] = None
    internal: Path | None = Field(default=None, description="Where true says that customers do not see it.")
    public: Path | None = Field(default=None, description="Where true says that they do; the other way round.")
    skip: str | None = Field(default=None, description="CEL over `row`: entries that are no comments.")


class Each(Reading):
    """Reads one entry of a list, by `${row}` or `${row.id}`."""

    absent: list[int] = Field(default=[404, 410], description="Statuses that say: it went meanwhile.")


class Comments(Listing, CommentShape):
    """Comments of an object."""

    each: Each | None = Field(
        default=None, description="Where the list only names comments: how one is read. `id`, `text` ... are of that."
    )


class Moves(Strict):
    """The moves of a stepped field that are open now: always the same ones, or asked for."""

    to: Annotated[dict[str, str], BeforeValidator(_states, json_schema_input_type=list[str] | dict[str, str])] = Field(
        default={}, description="Every state can be reached at any time. A block: state and its `${step.id}`."
    )
    field: Path | None = Field(default=None, description="Where an object shows its state; needed with `to`.")
    ask: Listing | None = None
    id: Path = "$.id"
    leads_to: Path = Field(default="$.to", description="The value that the field has after the move.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.to) == (self.ask is not None):
            raise ValueError("moves are listed or asked for; try 'to: [open, done]' or 'ask: {get: ...}'")
        if bool(self.to) != (self.field is not None):
            raise ValueError("a listed move leads away from the present state; try 'field: $.state' beside 'to'")
        return self


class Record(Strict):
    """One kind of object."""

    doc: str = ""
    needs: Needs = Field(default={}, description="Settings of a flow's member, under `with:`.")
    id: Path = Field(description="Never changes, and is never given again.")
    key: Path | None = Field(default=None, description="What people call it.")
    version: Annotated[Version | None, BeforeValidator(_at, json_schema_input_type=str | Version)] = None
    updated: Annotated[Updated | None, BeforeValidator(_at, json_schema_input_type=str | Updated)] = None
    etag: Literal["header"] | Path | None = Field(
        default=None, description="What `${version}` is in a write. Default: `version`."
    )
    actor: Path | None = Field(default=None, description="Who made the last change.")
    link: Text | None = Field(default=None, description="Path of its page, for people.")
    one: One | None = Field(default=None, description="Left out: an outcome in doubt needs a person.")
    nothing: tuple[str, ...] = Field(
        default=(), description="Texts that the system shows where there is nothing, such as 0000-00-00; read as null."
    )
    list: Listing
    all: Listing | None = Field(
        default=None, description="Lists what there is, where `list` shows only what changed, or not all of it."
    )
    skip: str | None = Field(default=None, description="CEL over `row`: what is listed and is no such object.")
    shows: dict[Name, Path] = Field(
        default={}, description="Values that are read otherwise than they are written: name -> where an object has it."
    )
    whole: bool = Field(default=True, description="`false`: rows of the list show less than `one` does.")
    since: Since = Since()
    gone: Gone | None = Field(default=None, description="Left out: deletions are found by comparing ids.")
    marker: Marker | None = None
    find_by: dict[Name, str] = Field(default={}, description="Field -> parameter of `list` that filters by it.")
    comments: Comments | None = None
    moves: Moves | None = None
    settles_within: Duration | None = None
    writes: Writes = Writes()
    fields: FieldDiscovery | None = Field(default=None, description="Where the system tells of its fields.")

    @property
    def bounded(self) -> bool:
        """Whether a poll asks only for what changed."""
        return self.since.param is not None or self.list.asks_since


class FieldDiscovery(Reading):
    """Where a system tells which fields and options it has."""

    name: Path = "$.name"
    kind: Path | None = None
    options: Path | None = Field(default=None, description="In a field: its options.")
    required: Path | None = None


Record.model_rebuild()
