"""What every part of one stand-in shares: store, log, faults, options, clock, chance and the webhook queue; and what
a vendor must provide.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import web

from connectors.sandbox.described import FieldChange
from connectors.sandbox.editlog import EditLog
from connectors.sandbox.faults import FaultBox
from connectors.sandbox.people import PEOPLE, Person
from connectors.sandbox.store import Store


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Behaviour of the instance that an administrator could change; set by `PATCH /_sandbox/options`, persisted."""

    clock_skew_s: float = 0.0
    """How far this system's clock is ahead of true time (its Date header and all its times)."""
    index_lag_s: float = 0.0
    """Jira, HubSpot: how long search takes to see a change."""
    attachment_limit: int = 10 * 1024 * 1024
    """Jira: bytes of the largest file that it takes."""
    bad_token_is_anonymous: bool = False
    """Jira: wrong credentials see what nobody signed in sees, instead of a 401."""
    acl_hidden_query: str = ""
    """ServiceNow: rows matching this encoded query are hidden from accounts that are not admin, after the limit was
    applied.
    """
    invalid_query_returns_no_rows: bool = False
    """ServiceNow: property glide.invalid_query.returns_no_rows."""
    rate_limit_per_hour: int | None = None
    """ServiceNow: requests per user and hour."""
    passwords: Mapping[str, tuple[str, ...]] = {}
    """Account -> what it may sign in with now, instead of its usual password; none: nothing."""
    client_secrets: tuple[str, ...] = ("lockstep-client-secret",)
    """ServiceNow: what its OAuth client may sign in with now."""
    oauth_lasts_s: float = 1799.0
    """ServiceNow: life of an access token."""
    oauth_valid_from: float = 0.0
    """ServiceNow: tokens given before this time (epoch seconds) are revoked, refresh tokens too."""
    api_calls_per_day: int = 15_000
    """Salesforce: what `Sforce-Limit-Info` says, and after how many requests it answers 403."""
    calls_per_ten_s: int | None = None
    """HubSpot: requests in ten seconds, searches not counted; None: no limit."""
    external_id_is_unique: bool = True
    """Salesforce: whether the field for our key was made unique, as it should."""
    as_app: bool = False
    """GitHub: our token counts as that of an app, which alone is shown fine-grained tokens."""
    as_admin: bool = False
    """GitLab: our token is that of an administrator of the instance."""
    single_sign_on: bool = False
    """GitHub: the organisation lets people in by the company's own accounts."""
    manages_users: bool = True
    """Salesforce: whether our user is shown sessions and tokens of others."""
    default_owner: str = ""
    """Salesforce: who is the default owner of cases, and therefore cannot be made inactive."""
    fields: Mapping[str, FieldChange] = {}
    """Fields that the administrator added, changed or removed since."""
    oauth_single_use: bool = False
    """A refresh token is good once, and each answer has the next. ServiceNow does not do this; others do."""


class Refusal(Exception):
    """The vendor's own refusal of a request; carries the answer. Changes made before it are rolled back."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


class HookSink(Protocol):
    """Where a vendor's events go (`hooks.HookQueue`)."""

    def enqueue(self, *, event: str, body: bytes, actor: str) -> None:
        """Queues for delivery, inside the change that caused it."""
        ...


class Site:
    """One stand-in's shared state."""

    def __init__(self, store: Store, *, seed: int, time_scale: float, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.time_scale = time_scale
        self.random = random.Random(seed)
        self.faults = FaultBox(time.monotonic, random.Random(seed + 1))
        self.log = EditLog(store)
        self.base_url = ""
        self.hooks_repeat = True
        """Whether the vendor sends a webhook again that was not accepted."""
        self.hooks: HookSink
        self._clock = clock
        self._options = msgspec.convert(store.setting("options") or {}, Options)

    @property
    def options(self) -> Options:
        """The options in force."""
        return self._options

    def set_options(self, changes: Mapping[str, Any]) -> Options:
        """Changes some options, persisted. Raises msgspec.ValidationError for unknown names or wrong types."""
        merged = msgspec.convert(msgspec.to_builtins(self._options) | dict(changes), Options)
        with self.store.change():
            self.store.set_setting("options", msgspec.to_builtins(merged))
        self._options = merged
        return merged

    def lets_in(self, person: Person | None, password: str) -> Person | None:
        """The person, if that is what the account may sign in with now."""
        if person is None:
            return None
        return person if password in self._options.passwords.get(person.name, (person.password,)) else None

    def bearer(self, authorization: str) -> Person | None:
        """Whose bearer token this is; a person's token equals the password."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        return next((person for person in PEOPLE if self.lets_in(person, token)), None)

    def now(self) -> float:
        """The stand-in's own clock, epoch seconds."""
        return self._clock() + self._options.clock_skew_s

    def true_now(self) -> float:
        """Real time, for the edit log."""
        return self._clock()


class System(Protocol):
    """What a vendor's stand-in provides to the server around it."""

    name: str

    def routes(self) -> list[web.RouteDef]:
        """The vendor's API."""
        ...

    def sign_in(self, request: web.Request) -> Person | None:
        """Whose request this is; None: nobody's (where the vendor lets anonymous requests in). Raises Refusal."""
        ...

    def actor(self, request: web.Request) -> str:
        """`human` or `gateway` by the name given, credentials unchecked; for matching faults."""
        ...

    def is_write(self, request: web.Request) -> bool:
        """Whether this request changes something if it succeeds."""
        ...

    def headers(self, person: Person | None) -> Mapping[str, str]:
        """Headers on every answer."""
        ...

    def unauthorised(self) -> web.Response:
        """The answer to bad credentials."""
        ...

    def no_route(self, status: int) -> web.Response:
        """The answer to a path (404) or method (405) the vendor does not have."""
        ...

    def trouble(self, status: int, retry_after_s: float | None, message: str) -> web.Response:
        """The answer of an instance in trouble: 429 or 5xx; or a refusal, with this message if it is not empty."""
        ...

    def truncate(self, body: bytes) -> bytes:
        """What arrives of a body when the transaction is cancelled half-way."""
        ...

    def count(self) -> int:
        """How many objects there are."""
        ...

    def objects(self) -> list[dict[str, Any]]:
        """All objects as `/_sandbox/objects` shows them."""
        ...

    def reset(self) -> None:
        """Forgets all objects. Inside a `change()`."""
        ...

    def hook_headers(self, delivery: Delivery, secret: str) -> dict[str, str]:
        """Headers of one webhook request, the signature included when there is a secret."""
        ...


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook as it goes out."""

    identifier: str
    event: str
    flow: str
    attempt: int
    """0 for the first."""
    body: bytes
    url: str = ""
    """Where it goes; some vendors sign that, too."""
