"""The keys, told in one place: the page of help, the settings and the dialog that `?` opens show this list."""

from __future__ import annotations

from aiohttp import web

from gateway.console.frame import Asked

Keys = tuple[tuple[str, tuple[tuple[tuple[str, ...], str], ...]], ...]
KEYS: Keys = (
    (
        "Everywhere",
        (
            (("Ctrl K",), "all commands of this page, and where to go"),
            (("?",), "this list"),
            (("/",), "filter, or search where there is no filter"),
            (("g n",), "go to Now; g c Cases, g r Records, g p Replays, g o Connections, and so on"),
            ((".",), "actions of this page"),
            (("Esc",), "close; leave a field"),
        ),
    ),
    (
        "Lists",
        (
            (("j", "k"), "down and up"),
            (("x",), "tick"),
            (("Shift x",), "tick all up to here"),
            (("Enter",), "open"),
            (("o",), "open in a new tab"),
            (("t",), "to Take"),
            (("p",), "to Park, close, give"),
            (("r",), "to Plan replay"),
            (("c",), "clear the filter"),
        ),
    ),
    ("Now", ((("1", "2", "3", "4", "5"), "open a card"), (("t",), "to Take, of the card where you are"))),
    (
        "A case or record",
        (
            (("l",), "look again, at both sides"),
            (("n",), "to the note"),
            (("[", "]"), "the neighbours of a case"),
            (("r",), "to Plan replay"),
        ),
    ),
    (
        "A plan or run",
        ((("f",), "next danger"), (("r",), "to Run"), (("Space",), "to Pause or Go on")),
    ),
)


async def keys(asked: Asked) -> web.StreamResponse:
    """`/keys`. For everybody who is signed in."""
    return asked.page("keys.html", groups=KEYS)
