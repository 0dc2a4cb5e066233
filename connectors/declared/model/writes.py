"""What is written, and by which proof each write has one effect."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from connectors.declared.model.requests import Reading
from connectors.declared.model.texts import Address, Body, HeaderName, Name, Path, Text

METHODS = ("post", "put", "patch", "delete")


class Returns(Strict):
    """What the answer of a write tells. Without a body (204) nothing is read of it."""

    id: Path | None = None
    key: Path | None = None
    whole: Path | None = Field(default=None, description="Where the answer shows the object as `one` does.")


class Before(Reading):
    """A request that a write needs first: what it gives is `${before.name}` in those after it. It may be sent more than
    once, so alone it must have no effect that anybody would notice: a read, or something that nothing leads to yet.
    """

    gives: dict[Name, Path] = Field(min_length=1, description="Name -> where the answer shows the value.")


class Changing(Strict):
    """A request that has an effect: one of `post`, `put`, `patch`, `delete`."""

    before: list[Before] = Field(default=[], description="What is asked first, in order.")
    post: Address | None = None
    put: Address | None = None
    patch: Address | None = None
    delete: Address | None = None
    query: dict[str, Text] = Field(default={})
    headers: dict[HeaderName, Text] = Field(default={})
    body: Body = None
    from_root: bool = Field(default=False, description="The path does not begin with `http.base`.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([each for each in METHODS if getattr(self, each) is not None]) != 1:
            raise ValueError("a write has one address; try 'post: /path'")
        return self

    @property
    def method(self) -> str:
        return next(each for each in METHODS if getattr(self, each) is not None).upper()

    @property
    def address(self) -> str:
        return str(getattr(self, self.method.lower()))


class Sending(Changing):
    """A request that writes an object."""

    add: dict[str, Body] = Field(default={}, description="Values sent along, unless the mapping writes them.")
    drop: list[str] = Field(default=[], description="Keys of `${values}` that this request does not take.")
    returns: Returns = Returns()


def _by(value: Any) -> Any:
    return {"by": value} if isinstance(value, str) else value


class ByMarker(Strict):
    """Our correlation key is stored with it and can be looked for."""

    by: Literal["marker"] = "marker"


class ByKey(Strict):
    """The system knows a repeated request by its key and answers it without a second effect."""

    by: Literal["header_key"]
    header: HeaderName = "Idempotency-Key"
    kept: Duration = Field(description="How long the system remembers a key, as its docs say.", gt=0)


class ByUpsert(Strict):
    """The address names our key: whoever sends the create again writes the same object, and makes no second one."""

    by: Literal["upsert"]


class ByPrecondition(Strict):
    """The request holds `${version}`, and the system refuses it when the object has moved."""

    by: Literal["precondition"]


class ByState(Strict):
    """What is there afterwards shows whether it happened: the object is read."""

    by: Literal["target_state"] = "target_state"


class ByAbsence(Strict):
    """It is not there any more."""

    by: Literal["absence"] = "absence"


class NoProof(Strict):
    """Nothing can tell. After a lost answer a person has to look; it is never sent again blindly."""

    by: Literal["none"]


class Create(Sending):
    """`${values}`, `${correlation}`, `${marker}`."""

    body: Body = "${values}"
    once: Annotated[
        Annotated[ByMarker | ByKey | ByUpsert | NoProof, Field(discriminator="by")],
        BeforeValidator(
            _by, json_schema_input_type=Literal["marker", "upsert", "none"] | ByMarker | ByKey | ByUpsert | NoProof
        ),
    ] = Field(description="Why a create has one effect: `marker`, `upsert`, `{by: header_key, kept: 24h}`, `none`.")


class Update(Sending):
    """`${id}`, `${values}` (those that changed), `${version}`."""

    body: Body = "${values}"
    once: Annotated[
        Annotated[ByPrecondition | ByState | NoProof, Field(discriminator="by")],
        BeforeValidator(
            _by,
            json_schema_input_type=Literal["precondition", "target_state", "none"] | ByPrecondition | ByState | NoProof,
        ),
    ] = Field(description="Why an update has one effect: `precondition`, `target_state`, `none`.")


class Transition(Sending):
    """One step of a stepped field: `${id}`, `${step.id}`, `${step.to}`, `${values}` (what goes along), `${version}`."""

    once: Annotated[
        Annotated[ByState | ByPrecondition | NoProof, Field(discriminator="by")],
        BeforeValidator(
            _by,
            json_schema_input_type=Literal["target_state", "precondition", "none"] | ByState | ByPrecondition | NoProof,
        ),
    ] = Field(default=ByState(), description="`target_state`, `precondition`, `none`.")


class Comment(Sending):
    """Appends a comment: `${id}`, `${comment.text}` (attribution and marker in it), `${comment.internal}`."""

    once: Annotated[ByMarker, BeforeValidator(_by, json_schema_input_type=Literal["marker"] | ByMarker)] = Field(
        default=ByMarker(), description="`marker`: the last line of the text, which `comments` shows."
    )
    internal: bool = Field(default=True, description="`false`: comments that customers do not see are not written.")


class Delete(Sending):
    """Takes the object away: `${id}`, `${version}`."""

    once: Annotated[ByAbsence, BeforeValidator(_by, json_schema_input_type=Literal["absence"] | ByAbsence)] = (
        ByAbsence()
    )


class Writes(Strict):
    """What can be written. What is left out is never sent."""

    create: Create | None = None
    update: Update | None = None
    transition: Transition | None = None
    comment: Comment | None = None
    delete: Delete | None = None
