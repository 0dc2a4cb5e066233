"""Webhooks of a system: how they are believed, and what each means."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from connectors.declared.model.records import CommentShape
from connectors.declared.model.texts import HeaderName, Name, Path, Text


class Hmac(Strict):
    """A signature over the body, made with the shared secret."""

    kind: Literal["hmac_sha256", "hmac_sha1", "hmac_sha512"]
    header: HeaderName
    prefix: str = Field(default="", description="Before the signature, such as 'sha256='.")
    as_: Literal["hex", "base64"] = Field(default="hex", alias="as")
    over: Text = Field(
        default="${raw}",
        description="What is signed: `${raw}` is the body, `${header.NAME}` a header, `${url}` the address it was sent "
        "to (option `webhook_url`, where a proxy stands before the gateway).",
    )
    time: HeaderName | None = Field(default=None, description="Header with the time of sending, in epoch seconds.")
    skew: Duration = Field(default=300.0, description="Older ones are refused.", validate_default=False, gt=0)
    secret: Literal["text", "base64"] = Field(default="text", description="How the shared secret is written.")

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if self.time is not None and f"${{header.{self.time.lower()}}}" not in self.over.lower():
            raise ValueError(f"a time that is not signed proves nothing; try over: '${{header.{self.time}}}.${{raw}}'")
        return self


class Token(Strict):
    """A header that holds the shared secret itself."""

    kind: Literal["token"]
    header: HeaderName
    prefix: str = ""


class BasicAuth(Strict):
    """Basic credentials; the shared secret is `user:password`."""

    kind: Literal["basic"]


Verify = Annotated[Hmac | Token | BasicAuth, Field(discriminator="kind")]


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Paths = Annotated[list[Path], BeforeValidator(_listed, json_schema_input_type=Path | list[Path])]


class Delivery(Strict):
    """What tells a repeated webhook from a new one."""

    header: HeaderName | None = None
    at: Paths = Field(default=[], description="In the body; of several paths the values together tell it.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.header is None) == (not self.at):
            raise ValueError("a delivery is known by one thing; try 'header: X-Delivery' or 'at: $.event_id'")
        return self


class Event(Strict):
    """What a webhook means. The first whose `when` holds is taken; where none does, it is ignored."""

    when: str = Field(default="true", description="CEL over `body`, `header` and `setting`.")
    ignore: str | None = Field(default=None, description="Says nothing here: why. Nothing else is said of it then.")
    record: Name = ""
    id: Path = Field(default="$", description="In the body: the object's id; of several each object is told of.")
    key: Path | None = None
    then: Literal["read", "snapshot", "deleted", "comment"] = Field(
        default="read",
        description="`read`: read the object. `snapshot`: the body shows it whole, at `pick`. `comment`: a comment was "
        "added, which is at `pick` as `comments` of the record shows it.",
    )
    pick: Path = "$"
    comment: CommentShape | None = Field(
        default=None, description="Where a webhook shows a comment otherwise than `comments` does."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        said = self.model_fields_set - {"when", "ignore"}
        if self.ignore is not None and said:
            raise ValueError(f"what is ignored tells of no object; try without '{min(said)}'")
        if self.ignore is None and not {"record", "id"} <= said:
            raise ValueError("an event tells of an object; try 'record:' and 'id:', or 'ignore: why'")
        return self


class Webhooks(Strict):
    """Where a system has webhooks."""

    verify: Verify
    delivery: Delivery | None = Field(default=None, description="Left out: each webhook counts as a new one.")
    each: Paths = Field(
        default=[],
        description="Where one webhook tells of several things: each of them is `body` and `$` to all that follows. "
        "The first path at which there is something; nothing at any: the body itself.",
    )
    events: list[Event] = Field(min_length=1)
