"""What the conformance kit has to be told of a system besides its connector: what a recognisable write looks like, and
a way in that does not go through the connector. A connector offers it as `FIXTURES` in its `conformance.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from connectors.contract.connector import ConnectionSettings
from connectors.contract.values import Step

Raw = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Held:
    """An object as the system itself holds it, read without the connector."""

    id: str
    text: str
    state: str = ""
    comments: tuple[str, ...] = ()
    """As stored, markers and attributions included."""


class Hand(Protocol):
    """A person at the system's own keyboard: its API, spoken without the connector. Raises AssertionError when the
    system says no.
    """

    async def create(self, text: str) -> str:
        """Makes an object whose text is `text`; its id."""
        ...

    async def edit(self, id: str, text: str) -> None:
        """Replaces the text."""
        ...

    async def comment(self, id: str, body: str) -> None:
        """Appends a comment."""
        ...

    async def delete(self, id: str) -> None:
        """Takes the object away for good."""
        ...

    async def held(self, id: str) -> Held | None:
        """One object as it is now; None: it is not there."""
        ...

    async def search(self, text: str) -> Sequence[str]:
        """Ids of all objects whose text is exactly this one."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...


@dataclass(frozen=True, kw_only=True)
class Canned:
    """An answer that a system gives in trouble."""

    name: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    goes_on: bool = False
    """The request is carried out and its own answer gets only these headers (a dead token served as anonymous)."""


def same_settings(settings: ConnectionSettings, size: int) -> ConnectionSettings:
    """Asks for pages of `size` objects by the option that most connectors call `page_size`."""
    return msgspec.structs.replace(settings, options={**settings.options, "page_size": size})


def first_open_step(steps: Sequence[Step]) -> Step:
    """The first step that needs nothing to be filled in."""
    return next(step for step in steps if not step.required)


@dataclass(frozen=True, kw_only=True)
class Fixture:
    """One object type as the kit tests it. Only the first five have to be said."""

    object: str
    actions: tuple[str, ...]
    """Of create, update, step, comment, delete: what the connector writes. Each gets a grade."""
    sandbox: Callable[[str, str], ConnectionSettings]
    """(URL of the stand-in, name of the person who signs in: `lockstep` or `ann`) -> settings."""
    fragment: Callable[[str], Raw]
    """A text -> what `Write.values` holds to make it the object's text: short, stored whole, searchable by `Hand`."""
    text: Callable[[Raw], str]
    """`Snapshot.raw` -> that text; "" where a partial row does not hold it."""
    part: str = ""
    """A part of the object that is graded for itself, by one action (a property, a file): only that is tried, the rest
    is asked of the object's own fixture.
    """
    system: str = ""
    """Name of its stand-in; "" where there is none."""
    creation: Callable[[str], Raw] | None = None
    """The same for a create, where that takes something else than a change does; None: `fragment`."""
    ready: Callable[[Any, str], Awaitable[None]] | None = None
    """(the hand, a text) makes by hand what must be there before an object can hold that text: the person of a
    membership, a member to be.
    """
    hand: Callable[[ConnectionSettings], Hand] | None = None
    """Without one, people's edits go through a second connector, and deletions are not tested."""
    like: str = ""
    """Another object of this connector that goes through the same code: of this one only that is asked which may differ
    from object to object (`run.OF_EACH`)."""
    item_kind: str = "comment"
    state: Callable[[Raw], str] = lambda raw: ""
    """`Snapshot.raw`, or a side of a history entry -> the value of the stepped field, as `Step.to` names it."""
    choose: Callable[[Sequence[Step]], Step] = first_open_step
    absent: str = ""
    """An id of the right form that no object has; "" if only a deleted object can be looked for."""
    deletes: bool = True
    """False: nobody can take such an object away (a commit)."""
    lists_edits: bool = True
    """False: the system's lists do not show what is edited here (a status on a commit); webhooks tell of it, where it
    has them.
    """
    hooks_edits: bool = True
    """False: webhooks do not tell of what is edited here (the description of a build)."""
    pages: Callable[[ConnectionSettings, int], ConnectionSettings] = same_settings
    page: int = 3
    """The smallest page size that is worth testing."""
    reading: tuple[str, ...] = ()
    """Regular expressions on "METHOD /path" of requests that change nothing although they are no GET: searches, the
    fetching of a token.
    """
    dead: tuple[Canned, ...] = ()
    """How this vendor says that a sign-in is dead, besides 401."""
    cut_off: tuple[Canned, ...] = ()
    """Answers of this vendor, with a 2xx, that mean: the work was broken off, nothing is known of a write."""
    sign: Callable[[bytes, str, float], Mapping[str, str]] | None = None
    """(body, secret, epoch seconds) -> headers of a webhook, lower case, as the vendor signs it. None: no webhooks."""
    signs_time: bool = False
    """The signature covers the time, so that an old webhook is told from a new one."""
    signs_body: bool = True
    """It covers the body; False for a vendor that only sends a secret along."""
    signed_by: str = "signature"
    """Part of the names of the headers that prove who sent a webhook."""

    def name(self, action: str) -> str:
        """What the grade of one of its actions stands under."""
        return f"{self.object}.{self.part or action}"
