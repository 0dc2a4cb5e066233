"""Small files at a case: what may be stored, under which name, as what. Kept in the database, so that a backup of it
is whole and a file is in no place from which something could serve or run it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from pathlib import PurePosixPath, PureWindowsPath

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from dead_letter.approvals import Actor
from dead_letter.errors import DecisionRefused
from dead_letter.tables import case_attachments
from dead_letter.values import parse_number
from dead_letter.work import Worked, WorkName, note

MOST_BYTES = 1 << 20
MOST_OF_CASE = 10 << 20
MOST_NAME = 100

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_TEXTS = {".csv": "text/csv", ".json": "application/json", ".log": "text/plain", ".md": "text/plain"}
_MARKUP = re.compile(rb"\s*<(!doctype|html|svg|script|\?xml)", re.IGNORECASE)
_UNSAFE = re.compile(r"[^\w.\- ]+")


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A file, without its content."""

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    made_by: str
    made_at: float


def safe_name(name: str) -> str:
    """The last part of a name, of letters, digits, blanks, `.`, `-` and `_`; never empty, hidden or a path."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFKC", last)).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if len(plain) > MOST_NAME:
        plain = f"{stem[: MOST_NAME - 11]}{dot}{ending[:10]}" if stem else plain[:MOST_NAME]
    return plain or "file"


def media_type_of(name: str, content: bytes) -> str:
    """What the content is, whatever its name says; empty for what is not stored: markup, programs, unknown binaries."""
    for magic, kind in _MAGIC:
        if content.startswith(magic):
            return kind
    if b"\0" in content or _MARKUP.match(content):
        return ""
    try:
        content.decode()
    except UnicodeDecodeError:
        return ""
    return _TEXTS.get(PurePosixPath(name.lower()).suffix, "text/plain")


async def add(
    tx: AsyncConnection, number: str, *, name: str, content: bytes, by: Actor, now: float
) -> tuple[Worked, str]:
    """Stores a file; the answer and its id. Raises CaseNotFound, DecisionRefused (too large, or of no kind we keep)."""
    shown = safe_name(name)
    kind = media_type_of(shown, content)
    worked = await note(tx, number, WorkName.ATTACH, by=by, choice=shown, text="", now=now)
    _refuse(number, kind, len(content), await _stored(tx, number))
    id_ = f"file_{uuid.uuid4().hex[:16]}"
    row = {
        "id": id_,
        "number": parse_number(number),
        "name": shown,
        "media_type": kind,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "made_by": by.name,
        "made_at": now,
        "content": content,
    }
    await tx.execute(insert(case_attachments).values(**row))
    return worked, id_


def _refuse(number: str, kind: str, size: int, stored: int) -> None:
    why = ""
    if not size:
        why = "The file is empty."
    elif size > MOST_BYTES:
        why = f"A file may have {MOST_BYTES >> 20} MiB; link to larger ones."
    elif stored + size > MOST_OF_CASE:
        why = f"The files of a case may have {MOST_OF_CASE >> 20} MiB together; link to others."
    elif not kind:
        why = "Kept are text (UTF-8), CSV, JSON, PNG, JPEG, GIF and PDF; no markup and no programs."
    if why:
        raise DecisionRefused(number, WorkName.ATTACH, why, code="file.refused")


async def _stored(tx: AsyncConnection, number: str) -> int:
    query = select(func.coalesce(func.sum(case_attachments.c.size), 0))
    return int((await tx.execute(query.where(case_attachments.c.number == parse_number(number)))).scalar_one())


async def of_case(tx: AsyncConnection, number: str) -> list[Attachment]:
    """The files of a case, oldest first, without their content."""
    columns = [case_attachments.c[name] for name in Attachment.__struct_fields__]
    query = select(*columns).where(case_attachments.c.number == parse_number(number))
    rows = (await tx.execute(query.order_by(case_attachments.c.made_at))).mappings()
    return [Attachment(**row) for row in rows]


async def content_of(tx: AsyncConnection, number: str, id_: str) -> tuple[Attachment, bytes] | None:
    """A file with its content; None if the case has no such file."""
    query = select(case_attachments).where(
        case_attachments.c.id == id_, case_attachments.c.number == parse_number(number)
    )
    row = (await tx.execute(query)).mappings().first()
    if row is None:
        return None
    return Attachment(**{name: row[name] for name in Attachment.__struct_fields__}), bytes(row["content"])
