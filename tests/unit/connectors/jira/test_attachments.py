"""Files of issues: which of them are copies of ours, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.jira.attachments import to_item

US, ANN = "712020:us", "712020:ann"
COPY = "report [lockstep east 10001].pdf"


def shown(**more: Any) -> dict[str, Any]:
    return {"id": "20001", "filename": COPY, "size": 7, "mimeType": "application/pdf", **more}


@pytest.mark.parametrize(
    ("author", "me", "origin"),
    [
        ({"accountId": US}, US, "east:10001"),
        ({"accountId": ANN}, US, None),
        ({"accountId": ANN}, "", "east:10001"),
        (None, US, "east:10001"),
    ],
)
def test_only_what_we_uploaded_is_a_copy(author: Any, me: str, origin: str | None) -> None:
    """Somebody takes our copy, changes it and uploads it under its name: that is a file of their own."""
    item = to_item(shown(author=author), "", me)
    assert item.file is not None
    assert (item.origin, item.file.name) == (origin, "report.pdf")


@pytest.mark.parametrize("said", ["text/plain\r\nX-Evil: 1\r\n\r\nmore", "nonsense", "", None, 7])
def test_a_media_type_that_is_none_is_not_passed_on(said: Any) -> None:
    """It becomes a header of the upload, and would end it."""
    item = to_item(shown(mimeType=said), "", US)
    assert item.file is not None
    assert item.file.media_type == "application/octet-stream"


def test_a_media_type_keeps_what_belongs_to_it() -> None:
    item = to_item(shown(mimeType="text/plain; charset=utf-8"), "", US)
    assert item.file is not None
    assert item.file.media_type == "text/plain; charset=utf-8"
