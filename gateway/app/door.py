"""The sockets that a process listens on. They outlive the parts behind them: while these begin again, whoever asks
waits in the queue of the system instead of being refused.
"""

from __future__ import annotations

import socket

BACKLOG = 128


class Door:
    """Opened at the first use; everything behind it may come and go."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def sockets(self, host: str, port: int) -> list[socket.socket]:
        """Sockets to serve on, the caller's to close: those listened on stay open. Raises OSError."""
        if not self._sockets:
            self._sockets = _listening(host, port)
        return [each.dup() for each in self._sockets]

    def close(self) -> None:
        """Nobody is listened to from now on."""
        for each in self._sockets:
            each.close()
        self._sockets = []


def _listening(host: str, port: int) -> list[socket.socket]:
    """One for each address that the name means."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    made: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((each[0], each[4]) for each in found):
            made.append(socket.create_server(address[:2], family=family, backlog=BACKLOG))
            made[-1].setblocking(False)
    except OSError:
        for each in made:
            each.close()
        raise
    return made
