"""What mapping versions refuse. Input from outside, so it shares that branch of the error tree; `status` is HTTP's."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.contract.errors import InputError


class VersionError(InputError):
    """Nothing was changed."""

    status = 409


class UnknownVersion(VersionError):
    """There is none, or whoever asks may not see it. `known`: those that there are."""

    status = 404

    def __init__(self, ref: str, known: Sequence[str]) -> None:
        there = f"there are {', '.join(known)}" if known else "none of that name is stored"
        super().__init__(f"there is no stored mapping version {ref}; {there}", code="mapping.unknown")
        self.ref, self.known = ref, tuple(known)


class BadMapping(VersionError):
    """The text is no mapping that could be used. `problems`: all of them, with file, line and column."""

    status = 422

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems), code="mapping.invalid")
        self.problems = tuple(problems)


class NotUsed(VersionError):
    """No flow reads or writes by a mapping of this name, so there is nothing to try it on."""

    status = 404

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"no flow uses a mapping {name!r}; in use: {', '.join(known)}", code="mapping.not_used")


class MappingMoved(VersionError):
    """Another version is current than the one that was looked at."""

    status = 412

    def __init__(self, what: str, current: str) -> None:
        super().__init__(f"{what}: {current[:12]} is current by now: look again", code="mapping.moved")
        self.current = current


class NotPublishable(VersionError):
    """Something has to be done or seen before. `lacking`: all of it."""

    def __init__(self, ref: str, lacking: Sequence[str]) -> None:
        super().__init__(f"{ref} cannot be published yet: {'; '.join(lacking)}", code="mapping.not_publishable")
        self.lacking = tuple(lacking)


class OwnWork(VersionError):
    """Whoever made something is not its second pair of eyes."""

    status = 403

    def __init__(self, ref: str, what: str) -> None:
        super().__init__(f"you cannot {what} {ref}: another person has to", code="mapping.own_work")
