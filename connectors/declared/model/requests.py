"""One request: what is asked for, where, with what; and how long answers are cut into pages."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connectors.contract.written.edge import Strict
from connectors.declared.model.texts import Address, Body, HeaderName, Path, Text
from connectors.declared.slots import parse, texts_in


class Reading(Strict):
    """A request that changes nothing: `get`, or `post` where a system wants its searches posted."""

    get: Address | None = None
    post: Address | None = None
    query: dict[str, Text] = Field(default={}, description="Parameters; an empty text is left out.")
    headers: dict[HeaderName, Text] = Field(default={})
    body: Body = Field(default=None, description="Of a `post`.")
    from_root: bool = Field(default=False, description="The path does not begin with `http.base`.")
    pick: Path = Field(default="$", description="Where in the answer the object, or each object, is.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.get is None) == (self.post is None):
            raise ValueError("a request has one address; try 'get: /path' or 'post: /path'")
        if self.get is not None and self.body is not None:
            raise ValueError("a get has no body; try 'post:'")
        return self

    @property
    def method(self) -> str:
        return "GET" if self.get is not None else "POST"

    @property
    def address(self) -> str:
        return self.get or self.post or "/"


class Size(Strict):
    """How many objects a page may have."""

    param: str | None = None
    header: HeaderName | None = Field(default=None, description="Where a header says it, and no parameter.")
    as_: str = Field(default="${size}", alias="as", description="How the header says it; holds `${size}` once.")
    value: int = Field(ge=1, le=10_000)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.param is None) == (self.header is None):
            raise ValueError("a size goes into one of param and header; try 'param: limit'")
        if self.as_.count("${size}") != 1:
            raise ValueError("this holds ${size} once; try 'batchSize=${size}'")
        return self


class CursorPages(Strict):
    """The answer holds a token that the next request presents."""

    kind: Literal["cursor"]
    from_: Path = Field(alias="from", description="Where the token is; nothing there ends the list.")
    to: str = Field(description="Parameter that takes it.")
    counted: bool = Field(
        default=False,
        description="The token is a position, so objects that move while one pages would be missed: see `since.order`.",
    )
    size: Size | None = None


class NumberedPages(Strict):
    """Pages are counted. Objects that move while one pages would be missed: see `since.order`."""

    kind: Literal["page"]
    param: str = "page"
    first: int = Field(default=1, ge=0, le=1)
    size: Size | None = None


class OffsetPages(Strict):
    """Pages begin at a number of objects."""

    kind: Literal["offset"]
    param: str = "offset"
    size: Size


class LinkPages(Strict):
    """The header `Link` names the next page (RFC 8288). It has to be on the same host."""

    kind: Literal["link_header"]
    size: Size | None = None


class UrlPages(Strict):
    """The answer holds the address of the next page. It has to be on the same host."""

    kind: Literal["next_url"]
    from_: Path = Field(alias="from")
    size: Size | None = None


class AfterPages(Strict):
    """The next page begins after the last object shown."""

    kind: Literal["id_after"]
    param: str
    of: Path = Field(description="In an object: what the parameter takes.")
    size: Size


class Span(Strict):
    """How many objects a page may have, where the request itself says so."""

    value: int = Field(ge=1, le=10_000)


class RangePages(Strict):
    """The request says from which object to which: `${page.from}`, and `${page.to}`, which is not shown any more."""

    kind: Literal["range"]
    size: Span


Pages = Annotated[
    CursorPages | NumberedPages | OffsetPages | LinkPages | UrlPages | AfterPages | RangePages,
    Field(discriminator="kind"),
]


class Listing(Reading):
    """A request whose answer may go over several pages."""

    page: Pages | None = Field(default=None, description="Left out: everything comes at once.")
    params_in: Literal["query", "body"] = Field(
        default="query", description="Where parameters of paging and time go; `body`: into that of a `post`."
    )
    absent: list[int] = Field(default=[], description="Statuses that say: there is nothing of the kind.")
    more: Path | None = Field(default=None, description="Where the answer says whether there is more.")
    more_header: HeaderName | None = Field(
        default=None,
        description="Header that holds something as long as there is more, such as X-Next-Page; `Link`: that names a "
        "next page.",
    )

    @model_validator(mode="after")
    def _bodied(self) -> Self:
        if self.params_in == "body" and (self.post is None or not isinstance(self.body or {}, dict)):
            raise ValueError("parameters go into the body of a post; try 'post: /path' with a block as 'body'")
        return self

    @property
    def asks_since(self) -> bool:
        """Whether the request itself names the time since when."""
        texts = [self.address, *self.query.values(), *texts_in(self.body)]
        return any(slot.names == ("since",) for text in texts for slot in parse(text).slots)

    @property
    def is_counted(self) -> bool:
        """Whether pages are positions, so that rows which move while one pages are missed."""
        page = self.page
        return isinstance(page, NumberedPages | OffsetPages) or (isinstance(page, CursorPages) and page.counted)
