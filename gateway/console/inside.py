"""Where a page may send on to, when the address came with the request."""

from __future__ import annotations


def inside(to: str, otherwise: str) -> str:
    """`to` if it is a path of ours, else `otherwise`. Browsers take two slashes, also a backslash as the second, for
    another site, and leave out tabs and line ends before they look.
    """
    ours = to.startswith("/") and not to.startswith(("//", "/\\")) and to.isprintable()
    return to if ours else otherwise
