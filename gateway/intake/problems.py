"""Problem documents (RFC 9457)."""

from __future__ import annotations

from aiohttp import web

from gateway.storage.database import dumps


def problem(status: int, code: str, detail: str, *, headers: dict[str, str] | None = None) -> web.Response:
    """An answer that says what is wrong and what to do; `code` is stable and fit for machines."""
    titles = {
        400: "Not understood",
        401: "Not verified",
        404: "Not found",
        405: "Not possible here",
        413: "Too large",
        500: "A defect of ours",
        503: "Not available now",
    }
    body = {
        "type": f"https://lockstep.example/problems/{code}",
        "title": titles.get(status, "Failed"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    return web.Response(status=status, text=dumps(body), content_type="application/problem+json", headers=headers)
