"""Every error, every cause and every class has a branch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.contract import errors
from dead_letter.classify import ActionName, Cause, class_of, classify, rules_of
from dead_letter.values import CaseClass

SAMPLES: dict[type[errors.LockstepError], errors.LockstepError] = {
    errors.ConfigError: errors.ConfigError(["lockstep.yaml:1:1: error[x]: y"]),
    errors.MappingError: errors.MappingError("status", "odd"),
    errors.SignatureError: errors.SignatureError("none", code="signature"),
    errors.MalformedError: errors.MalformedError("not JSON", code="malformed"),
    errors.StorageError: errors.StorageError("away"),
    errors.Retryable: errors.Retryable("503"),
    errors.OutcomeUnknown: errors.OutcomeUnknown("cut off"),
    errors.Refused: errors.Refused("no", status=400),
    errors.Conflict: errors.Conflict("409"),
    errors.CredentialsError: errors.CredentialsError("401"),
    errors.Throttled: errors.Throttled("429"),
}
NEVER_A_CASE = {errors.ConfigError, errors.SignatureError, errors.MalformedError, errors.StorageError, errors.Throttled}


def _leaves(root: type[errors.LockstepError]) -> Iterator[type[errors.LockstepError]]:
    """Of the contract's own tree: other packages' errors derive from its branches and may not be imported here."""
    children = [child for child in root.__subclasses__() if child.__module__ == errors.__name__]
    if not children:
        yield root
    for child in children:
        yield from _leaves(child)


@pytest.mark.parametrize("leaf", list(_leaves(errors.LockstepError)))
def test_every_leaf_of_the_error_tree_has_a_branch(leaf: type[errors.LockstepError]) -> None:
    assert leaf in SAMPLES, f"{leaf.__name__} is new: decide in classify() what case it becomes and add a sample here"
    found = classify(SAMPLES[leaf])
    if leaf in NEVER_A_CASE:
        assert found is None
    else:
        assert found is not None
        # The branch for defects is no branch for an error that we raise on purpose.
        assert found.cause is not Cause.NOTICE_POISON
        assert found.rules == rules_of(found.cls, found.cause)


def test_an_error_that_is_not_ours_is_poison() -> None:
    found = classify(ZeroDivisionError())
    assert found is not None
    assert found.cls is CaseClass.POISON


def test_a_leaf_without_a_branch_would_be_noticed() -> None:
    class Fresh(errors.DeliveryError):
        pass

    found = classify(Fresh("new"))
    assert found is not None
    assert found.cause is Cause.NOTICE_POISON


@pytest.mark.parametrize(
    ("told", "cause"),
    [
        ({"status": 400}, Cause.TARGET_REFUSED),
        ({"status": 400, "fields": {"priority": "unknown"}}, Cause.FIELD_REFUSED),
        ({"status": 403}, Cause.TARGET_FORBIDDEN),
        ({"status": 404}, Cause.TARGET_GONE),
        ({"status": 410}, Cause.TARGET_GONE),
        ({}, Cause.TARGET_REFUSED),
    ],
)
def test_a_refusal_is_told_apart_by_what_the_system_said(told: dict[str, Any], cause: Cause) -> None:
    found = classify(errors.Refused("no", **told))
    assert found is not None
    assert found.cause is cause


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_class(cause: Cause) -> None:
    found = classify(cause)
    assert found is not None
    assert found.cls is class_of(cause)


@pytest.mark.parametrize("cls", list(CaseClass))
def test_every_class_has_a_cause(cls: CaseClass) -> None:
    assert cls in {class_of(cause) for cause in Cause}


@pytest.mark.parametrize("cls", list(CaseClass))
@pytest.mark.parametrize("cause", ["", *Cause])
def test_every_action_is_allowed_or_forbidden_with_a_reason(cls: CaseClass, cause: str) -> None:
    rules = rules_of(cls, cause)
    assert rules.allowed.isdisjoint(rules.forbidden)
    assert rules.allowed | rules.forbidden.keys() == set(ActionName)
    assert rules.recommended in rules.allowed
    assert all(reason.endswith(".") for reason in rules.forbidden.values())


@pytest.mark.parametrize("cause", [cause for cause in Cause if class_of(cause) is CaseClass.UNKNOWN_OUTCOME])
def test_an_unknown_outcome_is_never_sent_again_or_given_up_blindly(cause: Cause) -> None:
    forbidden = rules_of(CaseClass.UNKNOWN_OUTCOME, cause).forbidden
    assert {ActionName.RETRY, ActionName.DISCARD, ActionName.CLOSE} <= forbidden.keys()


def test_a_leavers_access_is_not_left_open_by_a_click() -> None:
    assert ActionName.DISCARD in rules_of(CaseClass.REFUSED, Cause.CLOSE_REFUSED).forbidden
    assert ActionName.DISCARD in rules_of(CaseClass.REFUSED).allowed
