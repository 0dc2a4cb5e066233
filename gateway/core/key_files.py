"""Keys of 32 bytes that a data directory has of its own: made once, and only their owner can read them."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from pathlib import Path

from gateway.core.folders import private

KEY_BYTES = 32


def key_bytes(text: str) -> bytes:
    """The 32 bytes that base64 or hex stands for. Raises ValueError, without the text."""
    text = text.strip()
    try:
        raw = bytes.fromhex(text) if len(text) == 2 * KEY_BYTES else b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ValueError("a key is 32 bytes, as base64 or hex; try `openssl rand -base64 32`")
    return raw


def kept(file: Path) -> bytes:
    """The key in this file, which is made when first asked for. Raises OSError, and ValueError for another content."""
    try:
        return key_bytes(file.read_text(encoding="ascii"))
    except FileNotFoundError:
        private(file.parent)
        return _made(file)


def _made(file: Path) -> bytes:
    """Whoever comes first writes it; it is whole when it has its name."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, b64encode(os.urandom(KEY_BYTES)) + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass  # another process was quicker; its key counts
    finally:
        draft.unlink()
    return key_bytes(file.read_text(encoding="ascii"))
