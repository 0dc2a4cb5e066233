"""What goes with an action on a case: one typed body per action name. The API's schemas are made from these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from connectors.contract.errors import InputError

Line = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(max_length=10_000)]
Who = Annotated[str, Meta(min_length=1, max_length=100)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every action may be told. Where a reason is needed, a code of the class or a text is one."""

    reason: Text = ""
    reason_code: Line = ""


class Declare(Body, frozen=True, kw_only=True):
    """`declare_applied`, `declare_not_applied`: what was seen that proves it."""

    proof: Text = ""


class Resolve(Body, frozen=True, kw_only=True):
    """Ends a conflict by the side that stays, or by another value."""

    choice: Line = ""
    value: Any = msgspec.UNSET

    @property
    def enters(self) -> bool:
        """Whether it is a value, not one of the sides."""
        return self.value is not msgspec.UNSET


class Correct(Body, frozen=True, kw_only=True):
    """Enters another value in the record; it goes through the mapping to every system."""

    field: Name
    old: Any
    """The value that the corrector saw; refused if it is another by now."""
    new: Any


class Hand(Body, frozen=True, kw_only=True):
    """`assign`, `delegate`: who has it from now on."""

    to: Who


class Escalate(Body, frozen=True, kw_only=True):
    """Asks for more hands: the owner stays unless `to` names another."""

    to: Line = ""


class Park(Body, frozen=True, kw_only=True):
    """`7d`, `2026-12-01T08:00Z`, `100x`, `deploy`, `mapping:<flow>`, `connection`; several with commas: the first."""

    until: Name


class Comment(Body, frozen=True, kw_only=True):
    """A note in the history."""

    text: Annotated[str, Meta(min_length=1, max_length=10_000)]


class Link(Body, frozen=True, kw_only=True):
    """`link`, `unlink`: an http(s) address."""

    url: Annotated[str, Meta(min_length=1, max_length=2000)]
    title: Line = ""


class Attach(Body, frozen=True, kw_only=True):
    """A small file; `content` is base64 in JSON."""

    name: Name
    content: bytes


class AddTask(Body, frozen=True, kw_only=True):
    """One more thing to do."""

    kind: Literal["look_up", "contact", "approve", "notify", "other"] = "other"
    title: Name
    owner: Line = ""


class EndTask(Body, frozen=True, kw_only=True):
    """`take_task`, `end_task`, `drop_task`."""

    task: Name
    note: Text = ""


BODIES: Mapping[str, type[Body]] = {
    "retry": Body,
    "discard": Body,
    "look": Body,
    "accept": Body,
    "close": Body,
    "declare_applied": Declare,
    "declare_not_applied": Declare,
    "resolve": Resolve,
    "correct": Correct,
    "claim": Body,
    "release": Body,
    "assign": Hand,
    "delegate": Hand,
    "escalate": Escalate,
    "park": Park,
    "unpark": Body,
    "comment": Comment,
    "attach": Attach,
    "link": Link,
    "unlink": Link,
    "add_task": AddTask,
    "take_task": EndTask,
    "end_task": EndTask,
    "drop_task": EndTask,
}


class BodyRefused(InputError):
    """The body does not fit its action: 422. The message names the place."""

    status = 422


def body_of(action: str, said: Mapping[str, Any]) -> Body:
    """The typed body. Raises BodyRefused, also for an action that is not known."""
    kind = BODIES.get(action)
    if kind is None:
        raise BodyRefused(f"there is no action {action}; there are {', '.join(BODIES)}", code="action.unknown")
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise BodyRefused(f"{action}: {error}", code="body.invalid") from error
