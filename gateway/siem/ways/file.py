"""A file of lines. What was handed over is on the disk; a line that a kill left unfinished is written again.

A full file gets the number of its last event as its ending, so that the files sort in the order of the feed.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

from gateway.config.siem import File
from gateway.siem.ways.port import AGAIN, Away, Line, Proof

_DIGITS = 15
_BLOCK = 1 << 16


class FileWay:
    """To one file, written by nobody else."""

    most = 1000
    full = False

    def __init__(self, target: File) -> None:
        self.target = target
        self._sent = 0
        self._looked = self._again = False
        """Whether the end of the file was looked at; whether lines that it has are wanted once more."""

    def begin(self, known: Proof, memory: str) -> int:
        self._sent, self._looked, self._again = known.sent, False, memory == AGAIN
        return known.sent

    def memory(self) -> str:
        return AGAIN if self._again else ""

    async def hand(self, lines: Sequence[Line]) -> None:
        try:
            await asyncio.to_thread(self._write, lines)
        except OSError as error:
            raise Away(f"{self.target.path}: {error.strerror}") from error
        self._sent, self._again = lines[-1].number, False

    def _write(self, lines: Sequence[Line]) -> None:
        texts = [each.body.encode() for each in lines]
        if not self._looked:
            last = _repaired(self.target.path)
            known = [place for place, text in enumerate(texts) if text == last]
            texts = texts[known[-1] + 1 :] if known and not self._again else texts
        self._looked = True
        if not texts:
            return
        with self.target.path.open("ab") as file:
            file.write(b"".join(text + b"\n" for text in texts))
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        if size >= self.target.rotate:
            self._rotate(lines[-1].number)

    def _rotate(self, number: int) -> None:
        path = self.target.path
        path.rename(path.with_name(f"{path.name}.{number:0{_DIGITS}}"))
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        full = full_files(path)
        for old in full[: len(full) - self.target.keep] if self.target.keep else ():
            old.unlink()

    async def proven(self, *, idle: bool) -> Proof:
        return Proof(self._sent, self._sent)

    async def drop(self) -> int:
        self._looked = False
        return self._sent

    async def close(self) -> None:
        return


def full_files(path: Path) -> list[Path]:
    """Those that were filled before this one, the oldest first."""
    ending = re.compile(re.escape(path.name) + rf"\.\d{{{_DIGITS}}}")
    return sorted(each for each in path.parent.iterdir() if ending.fullmatch(each.name))


def _repaired(path: Path) -> bytes:
    """The last whole line, of the file before if this one is new; b"" if there is none. What follows it is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        full = full_files(path)
        return _last_line(full[-1])[1] if full else b""
    end, line = _last_line(path)
    if end < path.stat().st_size:
        os.truncate(path, end)
    return line


def _last_line(path: Path) -> tuple[int, bytes]:
    """Where the last whole line ends, and what it says."""
    with path.open("rb") as file:
        place, tail = file.seek(0, os.SEEK_END), b""
        while place and tail.count(b"\n") < 2:
            step = min(_BLOCK, place)
            place = file.seek(place - step)
            tail = file.read(step) + tail
    end = tail.rfind(b"\n")
    if end < 0:
        return 0, b""
    return place + end + 1, tail[tail.rfind(b"\n", 0, end) + 1 : end]
