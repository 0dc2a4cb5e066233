"""Reads a transport's exception: did the request leave us or not?

The aiohttp transport of httpx names any lost connection `ConnectTimeout`, also one that was cut after the request had
been sent (its table maps aiohttp's ClientConnectionError so). Hence the cause is looked at, and whatever is not known
to have failed before the first byte counts as sent.
"""

from __future__ import annotations

import aiohttp
import httpx

from connectors.rest.answer import Failure

_BEFORE_SENDING = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
"""Raised while a connection is acquired: refused, DNS, TLS, certificate, no free connection in time."""
_OURS = (httpx.UnsupportedProtocol, httpx.InvalidURL, aiohttp.InvalidURL)


def failure_of(error: BaseException) -> Failure:
    """How far the request got. Total; in doubt `NO_ANSWER`."""
    if isinstance(error, _OURS):
        return Failure.UNSENDABLE
    if isinstance(error, httpx.PoolTimeout):
        return Failure.NOT_SENT
    cause = error.__cause__
    if isinstance(error, _BEFORE_SENDING) or isinstance(cause, _BEFORE_SENDING):
        return Failure.NOT_SENT
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout) and not isinstance(cause, aiohttp.ClientError):
        return Failure.NOT_SENT
    return Failure.NO_ANSWER
