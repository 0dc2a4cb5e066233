"""A connection to a collector of syslog messages, by TLS or without, whose end proves something.

When we have said that we are done, a receiver answers with its own end once its program has read everything before it;
a receiver that died, or was stopped with something unread, resets the connection or says nothing. TLS is driven by
hand over memory, because asyncio takes an end without the receiver's `close_notify` for one with it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from ipaddress import ip_address

from gateway.access.outbound import AddressRefused, Guard
from gateway.config.siem import Syslog, Tls
from gateway.siem.ways.port import Away, SaidNo

CONNECT_S = 10.0
STALLED_S = 30.0
"""A receiver that takes nothing for so long counts as gone."""
FINISH_S = 5.0
"""How long its answer to our end is waited for."""
_PIECE = 1 << 16


def context_of(tls: Tls) -> ssl.SSLContext:
    """TLS 1.2 or newer, the collector's name checked. Raises SaidNo: a file of ours cannot be used."""
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls.certificate:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise SaidNo(f"our certificate or that of the authority cannot be used: {_told(error)}") from error
    return context


class Wire:
    """One open connection. `over` says why it cannot be used any more; "" while it can."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.over = ""
        self.ended_well = False
        """The receiver answered our end with its own, and, by TLS, signed it."""
        self._reader, self._writer = reader, writer
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._finishing = False
        self._listening: asyncio.Task[None] | None = None

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """The handshake. Raises ssl.SSLError, OSError."""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                self._feed(await self._reader.read(_PIECE))
            else:
                await self._flush()
                return

    def listen(self) -> None:
        """Begins to notice what the receiver says: nothing, until it ends."""
        self._listening = asyncio.create_task(self._listen(), name="siem-wire")

    async def write(self, data: bytes) -> None:
        """Returns when the system has taken all of it; the receiver need not have. Raises Away."""
        try:
            async with asyncio.timeout(STALLED_S):
                for start in range(0, len(data), _PIECE):
                    await self._write(data[start : start + _PIECE])
        except TimeoutError:
            self.over = self.over or f"the receiver took nothing for {STALLED_S:g} s"
        except (OSError, ssl.SSLError) as error:
            self.over = self.over or _told(error)
        self.check()

    def check(self) -> None:
        """Raises Away once it is over."""
        if self.over:
            raise Away(self.over)

    async def _write(self, piece: bytes) -> None:
        self.check()
        if self._tls is None:
            self._writer.write(piece)
        else:
            self._tls.write(piece)
            self._outwards()
        await self._writer.drain()

    async def finish(self) -> bool:
        """Says that we are done. True: the receiver answered with its end, after all of ours. Raises Away: it broke."""
        self._finishing = True
        try:
            async with asyncio.timeout(FINISH_S):
                await self._end()
                if self._listening is not None:
                    await asyncio.shield(self._listening)
        except TimeoutError:
            return False
        except (OSError, ssl.SSLError) as error:
            self.over = self.over or _told(error)
        finally:
            self.abort()
        self.check()
        return True

    async def _end(self) -> None:
        if self._tls is None:
            self._writer.write_eof()
            return
        self._unwrap(self._tls)
        await self._flush()

    async def _listen(self) -> None:
        try:
            while data := await self._reader.read(_PIECE):
                if self._tls is not None:
                    self._feed(data)
                    if self._heard(self._tls):
                        return
            if not self._finishing:
                self.over = self.over or "the receiver ended the connection"
            elif self._tls is None:
                self.ended_well = True
        except (OSError, ssl.SSLError) as error:
            self.over = self.over or _told(error)

    def _heard(self, tls: ssl.SSLObject) -> bool:
        """Whether what came was the receiver's end. What a collector writes besides is not for us."""
        if self._finishing:
            return self._unwrap(tls)
        try:
            while tls.read(_PIECE):
                pass
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError:
            pass
        self.over = "the receiver ended the connection"
        return True

    def _unwrap(self, tls: ssl.SSLObject) -> bool:
        try:
            tls.unwrap()
        except ssl.SSLWantReadError:
            return False
        self.ended_well = True
        return True

    def _feed(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        self._outwards()
        await self._writer.drain()

    def _outwards(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())

    def abort(self) -> None:
        """Ends at once; what the system still has of ours is dropped."""
        if self._listening is not None:
            self._listening.cancel()
        self._writer.transport.abort()


async def connect(target: Syslog, guard: Guard, context: Callable[[Tls], ssl.SSLContext] = context_of) -> Wire:
    """A connection to the first address of the collector that answers. Raises Away, SaidNo."""
    secured = context(target.tls) if target.tls is not None else None
    reasons = []
    for address in await _addresses(target, guard):
        try:
            async with asyncio.timeout(CONNECT_S):
                return await _opened(address, target, secured)
        except ssl.SSLCertVerificationError as error:
            raise SaidNo(f"the collector's certificate does not hold: {error.verify_message}") from error
        except TimeoutError:
            reasons.append(f"nobody answered in {CONNECT_S:g} s")
        except (OSError, ssl.SSLError) as error:
            reasons.append(_told(error))
    raise Away(f"{target.host}:{target.port}: {', '.join(dict.fromkeys(reasons)) or 'the name has no address'}")


async def _opened(address: str, target: Syslog, context: ssl.SSLContext | None) -> Wire:
    wire = Wire(*await asyncio.open_connection(address, target.port))
    try:
        if context is not None and target.tls is not None:
            await wire.secure(context, target.tls.name)
    except BaseException:
        wire.abort()
        raise
    wire.listen()
    return wire


async def _addresses(target: Syslog, guard: Guard) -> list[str]:
    """Those that we may go to; there is no second look at the name that could differ. Raises Away, SaidNo."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Away(f"the name {target.host} cannot be looked up: {_told(error)}") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    try:
        for address in addresses:
            guard.check(target.host, ip_address(address.partition("%")[0]))
    except AddressRefused as error:
        raise SaidNo(str(error)) from error
    return addresses


def _told(error: OSError | ssl.SSLError) -> str:
    """In a few words, without the address, which the sentence has already."""
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or type(error).__name__}"
    return error.strerror or type(error).__name__
