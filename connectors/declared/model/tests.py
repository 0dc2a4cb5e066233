"""Tests inside a connector file: one thing done, the answers a system would give, and what has to come of it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from connectors.contract.written.edge import Strict
from connectors.contract.written.units import Duration
from connectors.declared.model.texts import Name

OutcomeWord = Literal["applied", "not_applied", "refused", "conflict", "again", "wait", "signed_out", "unknown"]
VERBS = ("create", "update", "transition", "comment", "delete", "read", "find", "poll")
OTHERS = ("webhook", "accounts", "holdings", "end")
"""What is about no record."""


class Party(Strict):
    """An account in a test."""

    id: str
    name: str = ""
    email: str = ""


class Doing(Strict):
    """One verb, with the name of the record it is about."""

    create: Name | None = None
    update: Name | None = None
    transition: Name | None = None
    comment: Name | None = None
    delete: Name | None = None
    read: Name | None = None
    find: Name | None = None
    poll: Name | None = None
    webhook: JsonValue = Field(default=None, description="The body that arrives.")
    accounts: dict[Literal["email", "user_name", "employee_number", "account"], str] | None = Field(
        default=None, description="Of a person: who is found."
    )
    holdings: str | None = Field(default=None, description="Id of an account: what it has.")
    end: Name | None = Field(default=None, description="Name under `access.has`; of `account`, with `id` and `detail`.")
    account: Party = Field(default=Party(id="1"), description="Whose it is that ends.")
    heir: Party | None = Field(default=None, description="Who takes it over.")
    detail: dict[str, JsonValue] = Field(default={}, description="Of what ends.")
    id: str = Field(default="1", description="Of the object that is read or written, or of what ends.")
    version: str | None = Field(default=None, description="What `${version}` is.")
    values: dict[str, JsonValue] = Field(default={})
    to: str | None = Field(default=None, description="Of a transition: the state it leads to.")
    text: str = Field(default="A comment.", description="Of a comment.")
    headers: dict[str, str] = Field(default={}, description="Of a webhook; it is signed by the test itself.")
    options: dict[str, JsonValue] = Field(default={}, description="Settings, where one has no default.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len([each for each in (*VERBS, *OTHERS) if getattr(self, each) is not None]) != 1:
            raise ValueError("a test does one thing; try 'create: ticket'")
        if (self.transition is not None) != (self.to is not None):
            raise ValueError("a transition leads to a state; try 'to: done'")
        return self

    @property
    def verb(self) -> str:
        return next(each for each in (*VERBS, *OTHERS) if getattr(self, each) is not None)

    @property
    def record(self) -> str:
        return "" if self.verb in OTHERS else str(getattr(self, self.verb))


class Exchange(Strict):
    """One request that is expected, and its answer."""

    asked: str = Field(
        pattern=r"^(GET|POST|PUT|PATCH|DELETE) /\S*$",
        description="`METHOD /path?query`. Parameters that it names have to be sent; others may be.",
    )
    sent: JsonValue = Field(default=None, description="The body that is expected; left out: any.")
    with_headers: dict[str, str] = Field(default={}, description="Headers that are expected.")
    status: int = Field(default=200, ge=100, le=599)
    headers: dict[str, str] = Field(default={})
    body: JsonValue = None
    text: str | None = Field(default=None, description="A body that is no document.")
    lost: bool = Field(default=False, description="The request is carried out, or not: nobody is told.")


class Expectation(Strict):
    """What has to come of it; what is left out is not looked at."""

    outcome: OutcomeWord | None = None
    calls: int | None = Field(default=None, description="Requests made.")
    id: str | None = None
    ids: list[str] | None = Field(default=None, description="Of what was found or told, in order.")
    exists: bool | None = None
    raw: dict[str, JsonValue] | None = Field(default=None, description="The object as mappings see it.")
    version: int | None = None
    correlation: str | None = None
    ignored: bool | None = Field(default=None, description="Of a webhook.")
    says: str | None = Field(default=None, description="A part of the message that people get.")


class Test(Strict):
    """One test."""

    name: str
    do: Doing
    answers: list[Exchange] = Field(default=[])
    after: Duration = Field(
        default=3600.0,
        description="How long after a lost answer it is looked for: before `settles_within`, nothing found proves "
        "nothing.",
        validate_default=False,
    )
    expect: Expectation
