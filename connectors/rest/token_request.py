"""How a token is asked for, kind by kind, and what an answer to that means. Pure, apart from the signature."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from connectors.contract.credentials import RenewalUnanswered, Token
from connectors.contract.errors import CredentialsError, DeliveryError, Retryable, Throttled
from connectors.rest.answer import Answer, Call, Failure
from connectors.rest.evidence import evidence
from connectors.rest.kinds import ClientCredentials, JwtAssertion, Kind, OAuth, Refresh, Session
from connectors.rest.limits import http_date, retry_after

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
BACKDATED_S = 30.0
"""An assertion is dated back so far: systems refuse one from a future that is their clock running late."""
_FORM = (b"content-type", b"application/x-www-form-urlencoded")
_JSON = (b"content-type", b"application/json")
_MOMENTARY = frozenset({"temporarily_unavailable", "server_error"})
"""OAuth errors that time mends; all others want a person (RFC 6749 5.2)."""
_NOT_YET = frozenset({408, 425})
_SHUT_OUT = frozenset({401, 403})
"""These say more than the word: ServiceNow answers 401 `server_error` to a wrong secret [M]."""


class TokenRequest(NamedTuple):
    """One request for a token."""

    url: str
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes | None


def token_request(kind: Kind, last: Token | None, *, now: float) -> TokenRequest:
    """What to send. `now`: the system's time. Raises CredentialsError for a key that cannot sign."""
    if isinstance(kind, Session):
        return _login(kind)
    if isinstance(kind, JwtAssertion):
        return _asserting(kind, now)
    if isinstance(kind, Refresh):
        refresh = last.refresh if last is not None and last.refresh else kind.refresh_token
        return _granting(kind, {"grant_type": "refresh_token", "refresh_token": refresh})
    if isinstance(kind, ClientCredentials):
        return _granting(kind, {"grant_type": "client_credentials"})
    raise TypeError(f"{type(kind).__name__} has no tokens")


def _login(kind: Session) -> TokenRequest:
    given = {kind.user_field: kind.user, kind.password_field: kind.password}
    if kind.form:
        return TokenRequest(kind.login_url, (_FORM,), urlencode(given).encode())
    return TokenRequest(kind.login_url, (_JSON,), orjson.dumps(given))


def _asserting(kind: JwtAssertion, now: float) -> TokenRequest:
    assertion = _signed(kind, now)
    if kind.send == "bearer":
        return TokenRequest(kind.token_url, ((b"authorization", f"Bearer {assertion}".encode()),), None)
    return _granting(kind, {"grant_type": JWT_BEARER, "assertion": assertion})


def _signed(kind: JwtAssertion, now: float) -> str:
    began = int(now - BACKDATED_S)
    claims: dict[str, Any] = {"iss": kind.issuer, "iat": began, "exp": began + int(kind.assertion_lasts)}
    claims |= {name: value for name, value in (("sub", kind.subject), ("aud", kind.audience)) if value}
    header = {"alg": kind.algorithm, "typ": "JWT"} | ({"kid": kind.key_id} if kind.key_id else {})
    family = ECKey if kind.algorithm.startswith("ES") else RSAKey
    try:
        key = family.import_key(kind.private_key)
        return jwt.encode(header, claims | dict(kind.claims), key, algorithms=[kind.algorithm])
    except (JoseError, ValueError, TypeError) as error:
        told = f"the private key cannot sign with {kind.algorithm}; give it as PEM ({type(error).__name__})"
        raise CredentialsError(told) from None


def _granting(kind: OAuth, grant: Mapping[str, str]) -> TokenRequest:
    form, headers = dict(grant), [_FORM]
    if kind.scopes:
        form["scope"] = " ".join(kind.scopes)
    if kind.client_in == "header" and kind.client_id:
        pair = f"{quote_plus(kind.client_id)}:{quote_plus(kind.client_secret)}"  # RFC 6749 2.3.1
        headers.append((b"authorization", b"Basic " + b64encode(pair.encode())))
    else:
        form |= {name: value for name in ("client_id", "client_secret") if (value := getattr(kind, name))}
    return TokenRequest(kind.token_url, tuple(headers), urlencode(form | dict(kind.extra)).encode())


def token_of(
    kind: Kind, call: Call, answer: Answer | None, failure: Failure | None, *, now: float, secrets: tuple[str, ...]
) -> Token:
    """The token in an answer. Raises CredentialsError where a person must act, Throttled, Retryable where time mends
    it; RenewalUnanswered is the Retryable after which nobody knows whether the system gave a token. All of these are
    about the connection as a whole (`down`): no record's write is to blame, and none uses up a try.
    """
    told = evidence(call, answer, failure, secrets)
    if answer is not None and answer.status < 300:
        told.pop("body", None)  # it may hold a token, in whatever place
    if answer is None and failure in (Failure.NOT_SENT, Failure.UNSENDABLE):
        raise Retryable("signing in: the system was not reached", evidence=told, down=True)
    if answer is None or (answer.status < 400 and not answer.whole):
        raise RenewalUnanswered("signing in: asked for a token, no answer came", evidence=told, down=True)
    if answer.status >= 300:
        raise _refused(answer, told, now)
    token = _read(kind, answer, now)
    if token is None:
        raise RenewalUnanswered("signing in: the answer holds no token", status=answer.status, evidence=told, down=True)
    return token


def _refused(answer: Answer, told: dict[str, object], now: float) -> DeliveryError:
    said = answer.data if isinstance(answer.data, dict) else {}
    told_code = said.get("error")
    code = told_code if isinstance(told_code, str) else ""
    what = f"signing in: the system answered {answer.status}" + (f", {code}" if code else "")
    wait_s = retry_after(answer.headers, now)
    if answer.status == 429:
        return Throttled(what, status=429, evidence=told, retry_after_s=wait_s)
    if answer.status >= 500:
        return RenewalUnanswered(what, status=answer.status, evidence=told, retry_after_s=wait_s, down=True)
    if answer.status in _NOT_YET or (code in _MOMENTARY and answer.status not in _SHUT_OUT):
        return Retryable(what, status=answer.status, evidence=told, retry_after_s=wait_s, down=True)
    return CredentialsError(what, status=answer.status, evidence=told)


def _read(kind: Kind, answer: Answer, now: float) -> Token | None:
    if isinstance(kind, Session):
        session = _cookie(answer, kind.cookie) if kind.cookie else _at(answer.data, kind.field)
        return Token(value=session, lasts_s=kind.lasts, renew_at=kind.renew_at) if session else None
    said = answer.data if isinstance(answer.data, dict) else {}
    value = said.get("access_token") or said.get("token")
    if not isinstance(value, str) or not value:
        return None
    told = _seconds(said.get("expires_in")) or _until(said.get("expires_at"), answer, now)
    refresh = said.get("refresh_token")
    assert isinstance(kind, OAuth), "the other kinds have no tokens"
    return Token(
        value=value,
        lasts_s=told or kind.lasts,
        renew_at=kind.renew_at,
        refresh=refresh if isinstance(refresh, str) else "",
        refresh_lasts_s=_seconds(said.get("refresh_token_expires_in") or said.get("refresh_expires_in")),
    )


def _seconds(said: Any) -> float | None:
    """RFC 6749 says a number; some systems send it as text."""
    try:
        seconds = float(said)
    except (TypeError, ValueError):
        return None
    return seconds if 0 < seconds < float("inf") else None


def _until(said: Any, answer: Answer, now: float) -> float | None:
    """GitHub tells the end as an ISO time; the answer's own Date is the clock that it is measured against."""
    try:
        end = datetime.fromisoformat(said)
    except (TypeError, ValueError):
        return None
    began = http_date(answer.headers.get("date", "")) or now
    return max(1.0, end.timestamp() - began) if end.tzinfo else None


def _cookie(answer: Answer, name: str) -> str:
    """`name=value` of a Set-Cookie, as it goes back. Several are joined by commas, and dates have commas too."""
    for part in answer.headers.get("set-cookie", "").replace(",", ";").split(";"):
        key, equals, value = part.strip().partition("=")
        if equals and key == name and value:
            return f"{name}={value}"
    return ""


def _at(data: Any, path: str) -> str:
    for name in path.split("."):
        data = data.get(name) if isinstance(data, dict) else None
    return data if isinstance(data, str) else ""
