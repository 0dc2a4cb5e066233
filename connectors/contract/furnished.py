"""What the conformance kit has to be told of a system before it can see access end there: somebody who gives people
what departures take away, without the connector. A connector offers it as `ACCESS` in its `conformance.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.contract.access import GrantKind, Whom
from connectors.contract.connector import ConnectionSettings
from connectors.contract.fixture import same_settings

Held = Mapping[GrantKind, frozenset[str]]
"""Kind -> ids, as the connector's `Grant.id` names them; an account that is on is one of them."""


class Clerk(Protocol):
    """An administrator at the system's own keyboard. Raises AssertionError when the system says no."""

    async def hire(self, mark: str) -> Whom:
        """A new account that is on, with nothing but what the system gives everybody, and all that it is known by,
        `account` and one of `email` and `user_name` included. `mark` is unique: letters and digits.
        """
        ...

    async def twin(self, whom: Whom, mark: str) -> str:
        """Another account of the same e-mail address; its id. "" where each address is there once."""
        ...

    async def furnish(self, account: str, count: int, mark: str) -> None:
        """Gives an account so many of each kind that the system has, and something by way of another where it can."""
        ...

    async def has(self, account: str) -> Held:
        """What the system itself says, however many there are. Without what is over: closed work, expired tokens."""
        ...

    async def pass_on(self, kind: GrantKind, id: str, to: str) -> None:
        """Gives a piece of work to somebody else."""
        ...

    async def dismiss(self, account: str) -> None:
        """Takes the account away for good; no error if it is gone."""
        ...

    async def close(self) -> None:
        """Releases connections."""
        ...


@dataclass(frozen=True, kw_only=True)
class AccessFixture:
    """One system as the kit tests it."""

    system: str
    """Name of its stand-in."""
    sandbox: Callable[[str, str], ConnectionSettings]
    """(URL of the stand-in, name of the person who signs in: `lockstep` or `ann`) -> settings."""
    clerk: Callable[[ConnectionSettings], Clerk]
    pages: Callable[[ConnectionSettings, int], ConnectionSettings] = same_settings
    reading: tuple[str, ...] = ()
    """As `Fixture.reading`."""
