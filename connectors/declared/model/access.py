"""What a person has in a system, and how it ends: accounts, grants, and the request that takes each away."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from connectors.contract.access import GrantKind
from connectors.contract.written.edge import Strict
from connectors.declared.model.records import Also, Each
from connectors.declared.model.requests import Listing, Reading
from connectors.declared.model.texts import Name, Path, Text
from connectors.declared.model.writes import Changing
from connectors.declared.slots import parse, texts_in

Kind = Literal["session", "token", "role", "group", "account", "job", "approval", "work"]
Status = Annotated[int, Field(ge=100, le=599)]
HANDED_OVER = frozenset({GrantKind.JOB, GrantKind.APPROVAL, GrantKind.WORK})


class AccountShape(Reading):
    """One account, by `${account.id}`, and where the answer shows what of it."""

    absent: list[int] = Field(default=[404, 410], description="Statuses that say: there is no such account.")
    otherwise: Reading | None = Field(
        default=None, description="Asked where the first says that there is none: who has left may be shown elsewhere."
    )
    also: dict[Name, Also] = Field(
        default={},
        description="Parts that other requests show, by the name they get; they may name `${account.id}` and "
        "`${account.name}`.",
    )
    id: Path = Field(description="Never changes, and is never given again.")
    name: Path = Field(description="What the person signs in with.")
    email: Path | None = None
    active: str = Field(
        default="true", description="CEL over `row` and `setting`: whether the person can sign in; belongs to it."
    )
    privileged: str = Field(
        default="false", description="CEL over `row` and `setting`: the system counts it as an administrator's."
    )


class Finder(Listing):
    """Accounts by one field of a person. What the system finds is compared once more, letter case aside: a search may
    find more than was asked for.
    """

    by: Literal["email", "user_name", "employee_number"] = Field(description="`${whom.email}` and so on.")
    when: str = Field(default="true", description="CEL over `setting`: whether this way is gone.")
    each: Each | None = Field(
        default=None, description="Where the list shows too little: how one entry is read, by `${row.id}`."
    )
    equals: Path = Field(description="In an entry: what has to equal the field; of several values one.")
    id: Path = Field(description="In an entry: the account's id.")


class Seen(Reading):
    """Asks whether we are shown this at all, where a system shows less without saying so."""

    holds: str = Field(description="CEL over `row`, `setting`: whether we are.")
    say: str = Field(description="What it means if not, in words for people.")


class Still(Reading):
    """Reads the object once more, right before: what it shows is `${row}` in the request."""

    absent: list[int] = Field(default=[404, 410], description="Statuses that say: it is not there any more.")
    holds: str = Field(description="CEL over `row`, `account`, `grant`, `detail`, `setting`: whether it is still so.")


class First(Changing):
    """Goes before, where somebody takes over: makes that person an owner, too. Alone it does no harm, and the same
    again changes nothing.
    """

    shows: str = Field(
        default="true",
        description="CEL over `status`, `body`, `to`: the answer shows that it took effect. Else nothing more is sent.",
    )


class End(Changing):
    """The one request that takes it away: `${account.id}`, `${grant.id}`, `${detail.NAME}`, `${to.id}`, `${note}`."""

    still: Literal["listed"] | Still | None = Field(
        default=None,
        description="Sent only if it is still the person's. `listed`: the list is asked again, for the row of this id; "
        "a block reads the one object.",
    )
    first: First | None = None
    compute: dict[Name, str] = Field(
        default={},
        description="Name -> CEL over `row`, `account`, `to` (null: nobody), `setting`; the value is "
        "`${computed.NAME}`: all owners but the one who leaves.",
    )
    gone: list[Status] = Field(default=[404, 410], description="Statuses that say: it is gone already. No error.")
    form: bool = Field(default=False, description="The body of this request is a form.")

    @property
    def wants_heir(self) -> bool:
        """Whether it cannot be sent without somebody who takes over."""
        texts = [self.address, *self.query.values(), *self.headers.values(), *texts_in(self.body)]
        return any(slot.names[0] == "to" for text in texts for slot in parse(text).slots)


class Having(Strict):
    """One sort of thing that an account has."""

    kind: Kind
    when: str = Field(default="true", description="CEL over `setting`: whether this connection has it.")
    list: Listing | None = Field(
        default=None, description="Lists what the account has. Left out for `kind: account`, which is the account."
    )
    also: dict[Name, Also] = Field(
        default={}, description="Parts of each row that other requests show; they may name `${row.id}`."
    )
    where: str = Field(default="true", description="CEL over `row`, `account`, `setting`: rows that are the person's.")
    id: Path = Field(default="$.id", description="In a row; unique among all of this kind, and stays the same.")
    secret_id: bool = Field(default=False, description="The id is shown to nobody, only a digest of it.")
    name: Text = Field(default="${row.name}", description="For people; `${row.NAME}`.")
    privileged: str = Field(default="false", description="CEL over `row`, `account`, `setting`.")
    through: Path | None = Field(
        default=None, description="In a row: by way of what the person has it, where it cannot be taken away by itself."
    )
    brings: Path | None = Field(
        default=None,
        description="In a row: id of another of the list that comes along with it, as a child team makes its members "
        "members of its parent. That one is had by way of this one.",
    )
    detail: dict[Name, Path] = Field(default={}, description="What the request that ends it needs. No secret.")
    seen_if: Seen | None = None
    unseen_on: dict[Status, str] = Field(
        default={}, description="Status of the list -> why it is not shown to us, in words for people."
    )
    end: End | None = None
    by_hand: str | None = Field(default=None, description="Why a person has to end it, and where.")
    unseen: str | None = Field(default=None, description="Why the system does not show it, and where to look.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if [self.end, self.by_hand, self.unseen].count(None) != 2:
            raise ValueError("this ends in one way; try one of 'end: {...}', 'by_hand: why and where', 'unseen: why'")
        if self.unseen is not None and self.model_fields_set - {"kind", "when", "unseen"}:
            raise ValueError("what is not shown is not listed; try 'kind:' and 'unseen:' alone")
        if self.unseen is None and (self.list is None) != (self.kind == "account"):
            raise ValueError("all but the account itself is listed; try 'list: {get: ...}', and none for the account")
        return self

    @property
    def reason(self) -> str:
        """Why a person has to; "" where the request ends it."""
        return self.by_hand or self.unseen or ""


class Access(Strict):
    """What a person has here, and how it ends. With it a connection takes part in departures."""

    account: AccountShape
    found_by: list[Finder] = Field(min_length=1, description="Each adds what it finds; more than one is for people.")
    has: dict[Name, Having] = Field(min_length=1, description="Name -> one sort of thing, in words of the system.")
