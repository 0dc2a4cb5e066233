"""What each role may: held against the table that people read."""

from __future__ import annotations

from pathlib import Path

from gateway.access.rights import Principal, Right, Role, rights_of

PAGE = Path(__file__).parents[4] / "docs/how-to/who-may-what.md"
COLUMNS = (
    Right.SEE,
    Right.SEE_PERSONAL,
    Right.WORK,
    Right.CORRECT,
    Right.APPROVE,
    Right.CONFIGURE,
    Right.PEOPLE,
    Right.AUDIT,
    Right.MANAGE,
    Right.PUSH,
)


def _table() -> dict[str, set[Right]]:
    found = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 1 + len(COLUMNS) and cells[0].startswith("`"):
            found[cells[0].strip("`")] = {
                right for right, cell in zip(COLUMNS, cells[1:], strict=True) if cell == "yes"
            }
    return found


def test_every_role_has_the_rights_that_the_page_says() -> None:
    assert set(COLUMNS) == set(Right), "a right that is added is a column of the page"
    assert _table() == {str(role): set(rights_of([role])) for role in Role}


def test_rights_of_several_roles_add_up_and_no_role_has_none() -> None:
    both = Principal(id="user:b", name="b", roles=frozenset({Role.VIEWER, Role.APPROVER}))
    assert both.rights == rights_of([Role.VIEWER]) | rights_of([Role.APPROVER])
    assert all(rights_of([role]) for role in Role) and rights_of([]) == frozenset()


def test_who_may_approve_may_not_thereby_decide_or_correct() -> None:
    assert not rights_of([Role.APPROVER]) & {Right.WORK, Right.CORRECT, Right.CONFIGURE, Right.MANAGE}
