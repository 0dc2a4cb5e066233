"""What can be wrong with a wish about departures."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract.errors import InputError


class LeaverNotFound(InputError):
    """404."""

    status = 404

    def __init__(self, number: str) -> None:
        super().__init__(f"there is no departure {number} that you may see", code="leaver.not_found")


class LeaverMoved(InputError):
    """412: somebody, or a source, decided something since it was looked at."""

    status = 412

    def __init__(self, label: str, version: int) -> None:
        super().__init__(
            f"{label} has moved since you looked (it is at version {version}); look again", code="leaver.moved"
        )


class LeaverRefused(InputError):
    """409: not possible as things stand."""

    status = 409

    def __init__(self, label: str, why: str) -> None:
        super().__init__(f"{label}: {why}", code="leaver.refused")


class LeaverUnclear(InputError):
    """409: nobody, or several people, could be meant."""

    status = 409

    def __init__(self, text: str, found: Sequence[str]) -> None:
        told = f"several people could be meant by {text!r}: {', '.join(found)}; name one of these"
        super().__init__(told, code="leaver.unclear")


class LeaverUnfit(InputError):
    """422: what was said cannot be right."""

    status = 422

    def __init__(self, why: str) -> None:
        super().__init__(why, code="leaver.unfit")
