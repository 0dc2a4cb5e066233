"""Every error says what happens next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.contract import errors
from connectors.contract.errors import Disposition, LockstepError, disposition


def leaves(cls: type[LockstepError]) -> Iterator[type[LockstepError]]:
    """The classes of the shared tree that nothing of that tree refines."""
    below = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    if not below:
        yield cls
    for child in below:
        yield from leaves(child)


EXPECTED = {
    "ConfigError": Disposition.REFUSE_TO_START,
    "MappingError": Disposition.CASE,
    "SignatureError": Disposition.REJECT_INPUT,
    "MalformedError": Disposition.REJECT_INPUT,
    "StorageError": Disposition.STOP,
    "Retryable": Disposition.AGAIN,
    "OutcomeUnknown": Disposition.PROBE,
    "Refused": Disposition.CASE,
    "Conflict": Disposition.MERGE_AGAIN,
    "CredentialsError": Disposition.HOLD_CONNECTION,
    "BudgetSpent": Disposition.WAIT,
}


def test_every_leaf_is_listed_here() -> None:
    # A new error without a line above would go on without anybody having decided what happens next.
    assert {leaf.__name__ for leaf in leaves(LockstepError)} == set(EXPECTED)


@pytest.mark.parametrize("leaf", list(leaves(LockstepError)), ids=lambda leaf: leaf.__name__)
def test_what_happens_next(leaf: type[LockstepError]) -> None:
    assert disposition(leaf.__new__(leaf)) is EXPECTED[leaf.__name__]


def test_a_foreign_error_becomes_a_case() -> None:
    assert disposition(ValueError("a defect")) is Disposition.CASE
