"""`/rest/api/3/issue/{issue}/attachments` and `/rest/api/3/attachment...` (facts.md 2.3 [OAS-JIRA])."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from aiohttp import MultipartReader, web
from aiohttp.multipart import BodyPartReader
from aiohttp.streams import StreamReader

from connectors.sandbox.gate import signed_in
from connectors.sandbox.jira import answers
from connectors.sandbox.jira.attachments import Attachment
from connectors.sandbox.jira.catalog import may_see
from connectors.sandbox.jira.desk import Desk, person_of
from connectors.sandbox.jira.editing import Editing

_PREFIX = "/rest/api/3"
_MOST_AT_ONCE = 60
_HUGE = 1 << 30


class AttachmentApi:
    """Handlers; each does its work between two awaits."""

    def __init__(self, desk: Desk, editing: Editing) -> None:
        self._desk, self._editing, self._files = desk, editing, desk.issues.attachments

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        one = f"{_PREFIX}/attachment/{{attachment}}"
        return [
            web.post(f"{_PREFIX}/issue/{{issue}}/attachments", self.add),
            web.get(f"{_PREFIX}/attachment/meta", self.settings),
            web.get(f"{_PREFIX}/attachment/content/{{attachment}}", self.content),
            web.get("/secure/attachment/{attachment}/{name}", self.download),
            web.get(one, self.read),
            web.delete(one, self.delete),
        ]

    async def add(self, request: web.Request) -> web.Response:
        """200 with what was added. Without the header that says that this is no forged form: 403 [OAS-JIRA]."""
        if request.headers.get("X-Atlassian-Token") != "no-check":
            raise answers.refused("XSRF check failed", status=403)
        person, issue = person_of(request), self._desk.issue(request)
        files = await _files(request)
        most = self._desk.site.options.attachment_limit
        if len(files) > _MOST_AT_ONCE or any(len(content) > most for _, _, content in files):
            raise answers.refused(f"The file is larger than the maximum of {most} bytes.", status=413)
        if not files:
            raise answers.refused("There is no part `file` in the request.")
        made = [self._editing.attach(issue, person, *each) for each in files]
        render = self._desk.renderer(request)
        return answers.body([render.attachment(each) for each in made])

    async def settings(self, request: web.Request) -> web.Response:
        """Open to anybody."""
        return answers.body({"enabled": True, "uploadLimit": self._desk.site.options.attachment_limit})

    async def read(self, request: web.Request) -> web.Response:
        """What is known of a file, its number as one."""
        found = self._attachment(request)
        return answers.body(self._desk.renderer(request).attachment(found) | {"id": found.id})

    async def content(self, request: web.Request) -> web.Response:
        """The bytes with `redirect=false`; otherwise 303 to where they are."""
        found = self._attachment(request)
        if request.query.get("redirect") == "false":
            return self._bytes(found)
        there = f"{self._desk.site.base_url}/secure/attachment/{found.id}/{quote(found.filename)}"
        return web.Response(status=303, headers={"Location": there})

    async def download(self, request: web.Request) -> web.Response:
        """Where the redirect leads."""
        return self._bytes(self._attachment(request))

    async def delete(self, request: web.Request) -> web.Response:
        """204."""
        person = person_of(request)
        self._editing.detach(self._attachment(request), person)
        return web.Response(status=204)

    def _attachment(self, request: web.Request) -> Attachment:
        number = request.match_info["attachment"]
        found = self._files.get(number)
        issue = self._desk.issues.get(str(found.issue)) if found else None
        if found is None or issue is None or not may_see(signed_in(request), issue.project):
            raise answers.not_found(f"The attachment with id '{number}' does not exist")
        return found

    def _bytes(self, attachment: Attachment) -> web.Response:
        shown = f"attachment; filename*=UTF-8''{quote(attachment.filename)}"
        headers = {"Content-Type": attachment.mime, "Content-Disposition": shown}
        return web.Response(body=self._files.content(attachment), headers=headers)


async def _files(request: web.Request) -> list[tuple[str, str, bytes]]:
    """Name, type and bytes of each part `file`. The gate has read the body already."""
    if not request.content_type.startswith("multipart/"):
        raise answers.refused("Content-Type multipart/form-data is required.", status=415)
    stream = StreamReader(request.protocol, _HUGE, loop=asyncio.get_running_loop())
    stream.feed_data(await request.read())
    stream.feed_eof()
    found = []
    try:
        async for part in MultipartReader(request.headers, stream):
            if isinstance(part, BodyPartReader) and part.name == "file" and part.filename:
                mime = part.headers.get("Content-Type", "application/octet-stream")
                found.append((part.filename, mime, bytes(await part.read(decode=False))))
    except ValueError:
        raise answers.refused("The body is no multipart/form-data.") from None
    return found
