"""Personal values leave the server only for who may see them, wherever they stand in an answer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from dead_letter.evidence import Redactor
from gateway.access.masking import MASK, holds_personal, mask
from gateway.access.rights import Principal, Role

NAME = "Ada Lovelace"
FIELDS = ("caller", "E-Mail")
SHAPES: list[Any] = [
    {"caller": NAME, "summary": "printer"},
    {"fields": {"caller": {"first": NAME}, "e-mail": [NAME]}},
    {"fields": [{"field": "caller", "value": NAME, "systems": {"jira": {"shows": NAME, "in_step": True}}}]},
    {"diff": [{"field": "caller", "was": NAME, "now": NAME, "ours": NAME, "theirs": [NAME]}]},
    [{"name": "CALLER", "value": {"deep": NAME}}],
    {"case": {"evidence": Redactor(personal={"caller"})({"answer": {"body": {"caller": NAME, "n": 1}}})}},
    {"evidence": Redactor(personal={"caller"})({"request": {"body": orjson.dumps({"caller": NAME}).decode()}})},
    {"sent": {"fields": [{"field": "caller", "sent": NAME, "shows": NAME, "there": True}]}},
    ({"caller": NAME},),
]


def person(*roles: Role) -> Principal:
    return Principal(id="user:x", name="x", roles=frozenset(roles))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.OPERATOR, Role.APPROVER, Role.ADMIN)])
def test_whoever_may_not_see_them_gets_none(shape: Any, role: Role) -> None:
    before = orjson.dumps(shape)
    shown = mask(shape, FIELDS, person(role))
    assert NAME.encode() not in orjson.dumps(shown)
    assert MASK.encode() in orjson.dumps(shown)
    assert orjson.dumps(shape) == before, "a copy is masked, not what others go on using"


@pytest.mark.parametrize("shape", SHAPES)
def test_whoever_may_sees_them_and_only_if_they_want_to(shape: Any) -> None:
    assert mask(shape, FIELDS, person(Role.OPERATOR)) is shape
    assert NAME.encode() not in orjson.dumps(mask(shape, FIELDS, person(Role.OPERATOR), show=False))
    assert holds_personal(shape, FIELDS)


def test_everything_else_stays() -> None:
    value = {
        "field": "summary",
        "value": "printer",
        "personal": "no list",
        "caller": "",
        "rows": [{"field": "caller", "value": None, "version": 3, "systems": {"jira": {"in_step": True, "shows": ""}}}],
        "n": 0,
    }
    assert mask(value, FIELDS, person(Role.VIEWER)) == value
    assert not holds_personal(value, FIELDS)


def test_without_personal_fields_stored_evidence_is_still_masked() -> None:
    evidence = Redactor(personal={"caller"})({"caller": NAME})
    assert mask({"evidence": evidence}, (), person(Role.VIEWER))["evidence"]["caller"] == MASK
