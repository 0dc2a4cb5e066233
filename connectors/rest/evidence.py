"""What of a request and its answer may be kept with an error: enough to act on, no secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from connectors.rest.answer import Answer, Call, Failure

BODY_LIMIT = 2048
"""Bytes of an answer's body that are kept."""
MASK = "***"
_SECRET_HEADERS = ("authorization", "cookie", "token", "secret", "signature", "api-key", "apikey", "password")
_SECRET_PARAMETERS = ("token", "secret", "password", "signature", "key", "jwt", "code", "sig")


def evidence(
    call: Call, answer: Answer | None, failure: Failure | None, secrets: Iterable[str] = ()
) -> dict[str, object]:
    """Method, redacted URL, and of the answer: status, redacted headers, the first 2 KB of its body."""
    told: dict[str, object] = {"method": call.method, "url": safe_url(call.url)}
    if failure is not None:
        told["failure"] = failure.value
    if answer is not None:
        told["status"] = answer.status
        told["headers"] = safe_headers(answer.headers)
        told["body"] = _without(answer.body[:BODY_LIMIT].decode("utf-8", "replace"), secrets)
    return told


def safe_url(url: str) -> str:
    """The URL without user info and with the values of telling parameters masked."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    query = urlencode([(k, MASK if _tells(k, _SECRET_PARAMETERS) else v) for k, v in parse_qsl(parts.query, True)])
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


def safe_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with the values of those masked that carry credentials."""
    return {name: MASK if _tells(name, _SECRET_HEADERS) else value for name, value in headers.items()}


def _tells(name: str, words: tuple[str, ...]) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in words)


def _without(text: str, secrets: Iterable[str]) -> str:
    """A server that echoes our credentials in an error page must not get them into a case."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
