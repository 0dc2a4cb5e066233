"""Files that people made, as downloads: never a page, whatever is in them."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from aiohttp import web


def answer_file(name: str, sha256: str, content: bytes) -> web.Response:
    """With its digest; no browser shows it, or takes it for what it is not."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox",
        "Repr-Digest": f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:",
    }
    return web.Response(body=content, content_type="application/octet-stream", headers=headers)
