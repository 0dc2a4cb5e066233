"""Files as receivers keep them: lines, streams with octet counts, JSON over several lines; also gzipped."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.siem.verifier.parsing import Line, Reader

_FRAME = re.compile(rb"(\d{1,8}) (?=<\d{1,3}>1 )")
_PEEK = 1 << 16
STDIN = "-"
File = Union[io.BufferedReader, gzip.GzipFile]  # noqa: UP007 - evaluated, and Python 3.8 has no other


class Unreadable(Exception):
    """A file that cannot be read, or not to its end."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(f"{file}: {why}")


def lines_of(files: Sequence[str], reader: Reader, failed: list[str]) -> Iterator[Line]:
    """The events in all files. What cannot be read goes to `failed`; what was read before that counts."""
    for place, name in enumerate(files):
        try:
            with _opened(name) as file:
                yield from _lines(file, place, reader)
        except (OSError, EOFError, zlib.error) as error:
            failed.append(str(Unreadable(name, getattr(error, "strerror", None) or str(error) or "cannot be read")))
        except ValueError as error:
            failed.append(str(Unreadable(name, f"no JSON to its end ({error})")))


@contextmanager
def _opened(name: str) -> Iterator[File]:
    raw: Any = sys.stdin.buffer if name == STDIN else open(name, "rb", buffering=0)  # noqa: PTH123, SIM115
    with io.BufferedReader(raw, _PEEK) as file:
        if file.peek(2)[:2] != b"\x1f\x8b":
            yield file
            return
        with gzip.GzipFile(fileobj=file) as inflated:
            yield inflated


def _lines(file: File, place: int, reader: Reader) -> Iterator[Line]:
    head = file.peek(_PEEK)[:_PEEK]
    if _FRAME.match(head):
        for number, octets in enumerate(_framed(file.read()), 1):
            yield from reader.read(octets, place, number)
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[" or re.match(rb"\s*\{\s*\n", head):
        yield from reader.document(file.read().decode("utf-8", "replace"), place)
    else:
        for number, octets in enumerate(file, 1):
            yield from reader.read(octets, place, number)


def _framed(stream: bytes) -> Iterator[bytes]:
    """Messages of a stream, each after its length. Where a length does not fit, on to the next one that does."""
    at = 0
    while at < len(stream):
        found = _FRAME.match(stream, at)
        end = found.end() + int(found.group(1)) if found else 0
        if found and (end == len(stream) or stream[end : end + 1] == b"\n" or _FRAME.match(stream, end)):
            yield stream[found.end() : end]
            at = end + (stream[end : end + 1] == b"\n")
            continue
        after = _FRAME.search(stream, found.end() if found else at)
        stop = after.start() if after else len(stream)
        yield stream[found.end() if found else at : stop]
        at = stop
