"""Gateways elsewhere that this account signed in to: one file that only the account can read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from gateway.cli.exits import Code, Ending


def place() -> Path:
    """Where it is: `$XDG_CONFIG_HOME/lockstep/logins.json`, by default below `~/.config`."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "lockstep" / "logins.json"


def site_of(url: str) -> str:
    """The gateway's address, nothing after the host. Ends with code 2 for what is none, or would be overheard."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc:
        raise Ending(Code.WRONG_USE, f"{url} is not the address of a gateway; try https://lockstep.example.com")
    if parts.scheme == "http" and host not in ("localhost", "::1") and not host.startswith("127."):
        raise Ending(
            Code.WRONG_USE, f"a token sent to {url} could be read on the way; the address begins with https://"
        )
    return f"{parts.scheme}://{parts.netloc.lower()}"


def kept() -> dict[str, str]:
    """Address -> token. Ends with code 11 if the file can be read by others, or is not ours to read."""
    file = place()
    if not file.is_file():
        return {}
    if file.stat().st_mode & 0o077:
        raise Ending(Code.CONFIG_INVALID, f"others can read {file}; revoke its tokens, or: chmod 600 {file}")
    try:
        read = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Ending(Code.CONFIG_INVALID, f"{file} cannot be read: {error}") from error
    return {str(site): str(token) for site, token in read.items()} if isinstance(read, dict) else {}


def keep(logins: dict[str, str]) -> None:
    """Writes all of them at once; the file is never there with other rights, nor half written."""
    file = place()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(f".{os.getpid()}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump(logins, out, indent=2, sort_keys=True)
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def token_for(url: str) -> str:
    """The token for a gateway: `LOCKSTEP_TOKEN`, or the one that was kept. Ends with code 6 if there is none."""
    site = site_of(url)
    found = os.environ.get("LOCKSTEP_TOKEN") or kept().get(site, "")
    if not found:
        raise Ending(Code.NOT_ALLOWED, f"you are not signed in to {site}; lockstep login --url {site}")
    return found
