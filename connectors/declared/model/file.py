"""A connector file as people write it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from connectors.declared.model.access import Access
from connectors.declared.model.auth import AuthKind
from connectors.declared.model.needs import Needs
from connectors.declared.model.records import Record
from connectors.declared.model.requests import Reading
from connectors.declared.model.tests import Test
from connectors.declared.model.texts import HeaderName, Name, Path, Text
from connectors.declared.model.webhooks import Webhooks

ConnectorName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]


def _host(text: str) -> str:
    if not re.fullmatch(r"(\*\.)?[a-z0-9][a-z0-9.-]*", text):
        raise ValueError("this should be the name of a host; try api.example.com or *.example.com")
    return text


Host = Annotated[str, AfterValidator(_host)]


def _base(text: str) -> str:
    if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", text) or {".", ".."} & set(text.split("/")):
        raise ValueError("this should be a path on the system's own host; try /api/v3")
    return text


Base = Annotated[str, AfterValidator(_base)]
Action = Literal["wait", "renew_auth_once", "again", "conflict", "reject", "unknown", "stop_connection"]


class Http(Strict):
    """What holds for all requests."""

    base: Base = Field(default="", description="Before every path, such as /api/v3.")
    only_hosts: list[Host] = Field(
        default=[],
        description="Hosts that may be spoken to, that of token_url included. Default: that of `url`.",
    )
    headers: dict[HeaderName, Text] = Field(default={})
    body: Literal["json", "form", "xml"] = Field(default="json", description="How bodies are written.")
    answers: Literal["json", "xml"] = "json"
    quotes: Literal["refuse", "backslash", "doubled"] = Field(
        default="refuse",
        description="What becomes of a quotation mark in a value that stands between quotation marks in a query: it is "
        "refused, or written as the system's language wants it (SOQL: `backslash`, OData: `doubled`).",
    )
    settles_within: Duration = Field(
        default=120.0,
        description="After so long a look that finds nothing proves that a write had no effect: no request lives "
        "longer, and no index lags longer.",
        validate_default=False,
        gt=0,
    )


class Window(Strict):
    """So many requests in so long."""

    requests: int = Field(ge=1)
    per: Duration = Field(gt=0)


def _pattern(text: str) -> str:
    try:
        groups = set(re.compile(text).groupindex)
    except re.error as error:
        raise ValueError(f"this pattern cannot be used: {error}") from None
    if not groups or groups - {"limit", "used", "remaining"}:
        raise ValueError("a pattern names limit, used or remaining; try '(?P<used>[0-9]+)/(?P<limit>[0-9]+)'")
    return text


class Told(Strict):
    """A header by which the system tells how much of a limit is used."""

    header: HeaderName
    pattern: Annotated[str, AfterValidator(_pattern)] = Field(
        description="Regular expression with groups named `limit`, `used`, `remaining`."
    )


class Budget(Strict):
    """What the vendor allows, as its docs say. Rate headers tell the rest."""

    windows: list[Window] = Field(default=[])
    told: list[Told] = Field(default=[], description="Headers of its own, where they are not the usual X-RateLimit-*.")
    concurrent: int | None = Field(default=None, ge=1, le=1000, description="Requests in flight.")


class Rule(Strict):
    """What an answer means. A request that nobody answered is not asked about: it is unknown."""

    when: str = Field(description="CEL over `status`, `body`, `header` (lower case), `sent`, `answered`.")
    do: Action
    say: Path | None = Field(default=None, description="Where the body says why.")
    say_header: HeaderName | None = Field(default=None, description="Or the header that says it.")
    fields: Path | None = Field(default=None, description="Where the body blames fields: a block of name and reason.")


class Check(Reading):
    """One proof that a connection works."""

    proves: str
    pass_: str = Field(default="status == 200", alias="pass", description="CEL over `status`, `body`, `header`.")


class Sensitive(Strict):
    """What of an answer is masked in evidence, cases and logs."""

    personal: list[Path] = Field(default=[])
    never_log: list[Path] = Field(default=[])


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class ConnectorFile(Strict):
    """One REST system."""

    connector: ConnectorName = Field(description="Name of the system.")
    format: Literal[1] = Field(description="Version of this format.")
    release: str = Field(default="1.0.0", description="Version of this file.")
    title: str = ""
    docs: str = Field(default="", description="Where the vendor describes the API.")
    needs: Needs = Field(default={}, description="Settings of a connection, under `options:`.")
    auth: Annotated[list[AuthKind], BeforeValidator(_listed, json_schema_input_type=AuthKind | list[AuthKind])] = Field(
        min_length=1, description="The ways to sign in; a connection uses one."
    )
    http: Http = Http()
    budget: Budget = Budget()
    sensitive: Sensitive = Sensitive()
    errors: list[Rule] = Field(
        default=[], description="The first that holds is taken. Where none does: see the list of what statuses mean."
    )
    check: list[Check] = Field(default=[])
    records: dict[Name, Record] = Field(min_length=1)
    webhooks: Webhooks | None = None
    access: Access | None = Field(
        default=None, description="Left out: a departure does not reach this system, and says so."
    )
    tests: list[Test] = Field(default=[])
