"""How the requests of one connection sign in: with what stands now, with a token got in time, and once more with what
is newer after a refusal. It decides; the client sends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple

from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings
from connectors.contract.credentials import Material, Token
from connectors.contract.errors import CredentialsError
from connectors.rest.answer import Answer, Call, Failure
from connectors.rest.auth import Presented, fixed, presented, user_of
from connectors.rest.kinds import Kind, Renewing, kind_of, secrets_of
from connectors.rest.token_request import TokenRequest, token_of, token_request
from connectors.rest.tokens import MemoryTokens

SHARE = 0.5
"""Of a call's time-out, what getting a token may take: the request itself has the rest."""


class Exchange(NamedTuple):
    """What came of one request on the wire."""

    answer: Answer | None
    failure: Failure | None
    cause: Exception | None


Send = Callable[[Call, TokenRequest, float], Awaitable[Exchange]]
"""One request for a token, within so many seconds."""
Mark = tuple[str, int]
"""Version and serial of something presented."""


class SignIn:
    """Of one connection. Cheap as long as nothing changes: `ready` compares a version."""

    def __init__(self, settings: ConnectionSettings, *, clock: Clock, send: Send, now: Callable[[], float]) -> None:
        """`now`: the system's own time, as far as it is known. Raises ConfigError."""
        self._name, self._base = settings.name, settings.url.rstrip("/")
        self._keyring = settings.keyring or fixed(settings.name, settings.auth)
        self._tokens = settings.tokens or MemoryTokens(clock)
        self._send, self._now = send, now
        self._kinds: dict[str, Kind] = {}
        self._made = Presented((), "", ())
        self._usual = kind_of(settings.name, settings.auth)

    @property
    def user(self) -> str:
        """The name that signs in now, or by the settings while nothing can; "" where the kind has none."""
        try:
            return user_of(self._kind_of(self._keyring.current()))
        except CredentialsError:
            return user_of(self._usual)

    def ready(self) -> Presented | None:
        """What the next request presents, if nothing has to be asked for before. Never waits."""
        material = self._keyring.current()
        kind = self._kind_of(material)
        if not isinstance(kind, Renewing):
            return self._prepared(kind, material.version, None)
        token = self._tokens.ready(material.version)
        return None if token is None else self._prepared(kind, material.version, token)

    async def fetched(self, timeout_s: float) -> Presented:
        """What the next request presents, asked for if need be within a share of `timeout_s`. While a new credential
        gets no token, the former one's is presented. Raises CredentialsError, Retryable, Throttled: nothing was sent.
        """
        current, former = self._keyring.current(), self._keyring.former()
        try:
            return await self._of(current, timeout_s)
        except CredentialsError:
            if former is None:
                raise
            return await self._of(former, timeout_s)

    async def instead(self, refused: Presented, tried: Collection[Mark], timeout_s: float) -> Presented | None:
        """Another credential after one was refused: its renewed token, what replaced it meanwhile, or what it
        replaced. None: there is none that was not `tried`. Raises as `fetched`.
        """
        refusal: CredentialsError | None = None
        current, former = self._keyring.current(), self._keyring.former()
        known = {each.version: each for each in (former, current) if each is not None}
        order = [known.get(refused.version), current, former]
        for material in dict.fromkeys(each.version for each in order if each is not None):
            serial = refused.serial if material == refused.version else None
            renewed = sum(version == material for version, _ in tried) > 1
            if serial == 0 or renewed:  # the material itself was refused, or a token that was got a moment ago
                continue
            try:
                other = await self._of(known[material], timeout_s, refused=serial)
            except CredentialsError as error:
                refusal = error
                continue
            if (other.version, other.serial) not in tried:
                return other
        if refusal is not None:
            raise refusal
        return None

    async def _of(self, material: Material, timeout_s: float, *, refused: int | None = None) -> Presented:
        kind = self._kind_of(material)
        if not isinstance(kind, Renewing):
            return presented(kind, material.version)
        within_s = timeout_s * SHARE

        async def renew(last: Token | None) -> Token:
            return await self._renewed(kind, last, within_s)

        token = await self._tokens.token(material.version, renew, refused=refused, within_s=within_s)
        return self._prepared(kind, material.version, token)

    async def _renewed(self, kind: Kind, last: Token | None, within_s: float) -> Token:
        request = token_request(kind, last, now=self._now())
        url = self._base + request.url if request.url.startswith("/") else request.url
        call = Call(method="POST", url=url, write=True)
        exchange = await self._send(call, request, within_s)
        secrets = (*secrets_of(kind), *((last.value, last.refresh) if last else ()))
        known = tuple(each for each in secrets if each)
        return token_of(kind, call, exchange.answer, exchange.failure, now=self._now(), secrets=known)

    def _prepared(self, kind: Kind, version: str, token: Token | None) -> Presented:
        """Made once for each credential, not for each request."""
        if (self._made.version, self._made.serial) != (version, token.serial if token else 0):
            self._made = presented(kind, version, token)
        return self._made

    def _kind_of(self, material: Material) -> Kind:
        kind = self._kinds.get(material.version)
        if kind is None:
            kind = kind_of(self._name, material.auth)
            former = self._keyring.former()
            self._kinds = {v: k for v, k in self._kinds.items() if former is not None and v == former.version}
            self._kinds[material.version] = kind
        return kind
