"""Files of issues as items: from their documents, and to the form that uploads one. Pure.

The trap: Jira keeps two files of one name and cannot be told what an upload means, so our marker is part of the name
(facts.md 2.3 [OAS-JIRA]).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from connectors.contract.errors import Refused
from connectors.contract.values import ATTACHMENT, File, Item, ItemDraft
from connectors.files import marked, told, unmarked
from connectors.jira.times import parse_time

FIELD = "attachment"
CONTENT = "/rest/api/3/attachment/content"
_FILE = "file-"
"""Before the number of a file: Jira counts comments and files apart, and an item is known by its id alone."""
NO_FORGED_FORM = {"X-Atlassian-Token": "no-check"}
"""Without it an upload is blocked [OAS-JIRA]."""
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:; ?[\x20-\x7e]*)?", re.ASCII)


def items(fields: Mapping[str, Any], site: str, me: str) -> list[Item]:
    """The files that an issue's fields show."""
    listed = fields.get(FIELD)
    found = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return [to_item(each, site, me) for each in found if each.get("id")]


def item_id(number: object) -> str:
    """What a file is called among the items of its issue."""
    return f"{_FILE}{number}"


def number_of(item: str) -> str:
    """The inverse, for Jira."""
    return item.removeprefix(_FILE)


def to_item(document: Mapping[str, Any], site: str, me: str) -> Item:
    """One file. `site`: where people see it. `me`: our account id, "" if it is not known; a file that somebody else
    uploaded is theirs, also where they kept the name of our copy.
    """
    author, size = document.get("author"), document.get("size")
    account = str(author.get("accountId") or "") if isinstance(author, Mapping) else ""
    shown = str(document.get("filename") or "file")
    said = unmarked(shown)
    file = File(
        name=said.name,
        size=size if isinstance(size, int) else 0,
        media_type=_media_type(document.get("mimeType")),
    )
    return Item(
        id=item_id(document["id"]),
        kind=ATTACHMENT,
        body=told(file, f"{site}/secure/attachment/{document['id']}/{quote(shown)}" if site else ""),
        author=str(author.get("displayName") or "") if isinstance(author, Mapping) else "",
        at=parse_time(document.get("created")) or 0.0,
        origin=None if me and account and account != me else said.origin,
        file=file,
    )


def _media_type(said: Any) -> str:
    """It becomes a header of the upload."""
    return said if isinstance(said, str) and _MEDIA_TYPE.fullmatch(said) else "application/octet-stream"


def form(draft: ItemDraft, content: Any, most: int) -> dict[str, tuple[str, Any, str]]:
    """The upload. Raises Refused for one that is larger than this flow takes over, or without its bytes."""
    if draft.file is None or content is None:
        raise Refused("an attachment comes with a file and its bytes")
    if draft.file.size > most:
        raise Refused(f"{draft.file.name} has {draft.file.size} bytes, and at most {most} are taken over")
    return {"file": (marked(draft.file.name, draft.origin), content, draft.file.media_type)}


def added(changelog: Any) -> set[str]:
    """Items for the files that an event's changelog says have come, by their ids."""
    listed = changelog.get("items") if isinstance(changelog, Mapping) else None
    rows = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
    return {item_id(each["to"]) for each in rows if str(each.get("field", "")).lower() == FIELD and each.get("to")}


def uploaded(data: Any) -> str:
    """Complaint unless the answer names the one file that was stored."""
    sound = isinstance(data, Sequence) and len(data) == 1 and isinstance(data[0], Mapping) and data[0].get("id")
    return "" if sound else "no single attachment with `id` in the answer"
