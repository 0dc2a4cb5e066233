"""API tokens: at most what the owner has now, shown once, over when they say so."""

from __future__ import annotations

import pytest

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.config.access import DeclaredToken, Grant
from gateway.work import people, tokens
from gateway.work.tokens import DAY_S, Made, NoSuchToken
from gateway.work.workplace import Workplace
from tests.support.access import ROOT, Time, audited, everything, principal
from tests.support.asking import ask

BOB = principal("bob", Role.OPERATOR)


async def make(place: Workplace, who: Principal = BOB, *roles: Role, **more: object) -> Made:
    return await tokens.create_token(place, who, "ci", roles=roles or (Role.OPERATOR,), **more)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
async def bob(place: Workplace) -> None:
    await people.add_person(place, ROOT, "bob", roles=[Role.OPERATOR])


async def test_a_token_acts_for_its_owner(place: Workplace) -> None:
    made = await make(place)
    who = await ask(place, made.secret)
    assert who is not None
    assert (who.id, who.name, who.person) == (f"token:{made.token.id}", "bob (token ci)", "user:bob")
    assert who.roles == {Role.OPERATOR}
    assert made.secret.startswith("lsk_")
    assert made.secret not in await everything(place.database)
    assert made.secret not in repr(await tokens.list_tokens(place, BOB))


async def test_a_token_never_has_more_than_its_owner_has_now(place: Workplace) -> None:
    made = await make(place)
    await people.change_person(place, ROOT, "bob", roles=[Role.VIEWER], connections=["snow"])
    who = await ask(place, made.secret)
    assert who is not None
    assert (who.roles, who.connections) == (frozenset[Role](), frozenset({"snow"}))
    await people.disable_person(place, ROOT, "bob")
    assert await ask(place, made.secret) is None


@pytest.mark.parametrize("roles", [[Role.ADMIN], [Role.OPERATOR, Role.APPROVER], [Role.AUDITOR]])
async def test_more_than_the_owner_has_is_refused(place: Workplace, roles: list[Role]) -> None:
    with pytest.raises(NotAllowed):
        await tokens.create_token(place, BOB, "ci", roles=roles)


async def test_scopes_are_inside_the_owners(place: Workplace) -> None:
    narrow = principal("bob", Role.OPERATOR, connections=frozenset({"snow"}))
    with pytest.raises(NotAllowed):
        await tokens.create_token(place, narrow, "ci", roles=[Role.OPERATOR], connections=["jira"])
    made = await tokens.create_token(place, narrow, "ci", roles=[Role.OPERATOR])
    assert made.token.connections == frozenset({"snow"})
    typed = await tokens.create_token(place, BOB, "ci", roles=[Role.OPERATOR], types=["incident"])
    who = await ask(place, typed.secret)
    assert who is not None
    assert (who.connections, who.types) == (None, frozenset({"incident"}))


async def test_an_admins_token_may_be_small(place: Workplace) -> None:
    made = await tokens.create_token(place, ROOT, "ci", roles=[Role.VIEWER])
    who = await ask(place, made.secret)
    assert who is not None
    assert (who.roles, who.person) == (frozenset({Role.VIEWER}), "local:root")


async def test_it_ends_at_its_time(place: Workplace, time: Time) -> None:
    made = await make(place, lasts_s=DAY_S)
    time.at += DAY_S - 1
    assert await ask(place, made.secret) is not None
    time.at += 1
    assert await ask(place, made.secret) is None


async def test_it_is_revoked_at_once_and_once(place: Workplace) -> None:
    made = await make(place)
    with pytest.raises(NoSuchToken):
        await tokens.revoke_token(place, principal("eve", Role.OPERATOR), made.token.id)
    first = await tokens.revoke_token(place, BOB, made.token.id)
    assert (first.revoked_by, first.revoked_at) == ("bob", place.now())
    assert await ask(place, made.secret) is None
    assert await tokens.revoke_token(place, ROOT, made.token.id) == first
    assert [kind for kind, _ in await audited(place.database)] == ["person_added", "token_created", "token_revoked"]


async def test_the_last_use_is_written_once_a_minute(place: Workplace, time: Time) -> None:
    made = await make(place)

    async def used_at() -> float | None:
        return (await tokens.list_tokens(place, BOB))[0].used_at

    assert await used_at() is None
    first = time.at
    for ahead, written in ((0, first), (59, first), (60, first + 60)):
        time.at = first + ahead
        await ask(place, made.secret)
        assert await used_at() == written


async def test_everybodys_tokens_are_the_admins_to_see(place: Workplace) -> None:
    await make(place)
    eve = principal("eve", Role.OPERATOR)
    assert await tokens.list_tokens(place, eve) == []
    with pytest.raises(NotAllowed):
        await tokens.list_tokens(place, eve, everybodys=True)
    assert len(await tokens.list_tokens(place, ROOT, everybodys=True)) == 1


async def test_a_token_makes_no_tokens(place: Workplace) -> None:
    who = await ask(place, (await make(place)).secret)
    assert who is not None
    with pytest.raises(NotAllowed):
        await make(place, who)


@pytest.mark.parametrize("more", [{"lasts_s": 1.0}, {"lasts_s": 400 * DAY_S}, {"connections": ["sap"]}])
async def test_wrong_input_is_told(place: Workplace, more: dict[str, object]) -> None:
    with pytest.raises(InputError):
        await make(place, BOB, **more)


async def test_tokens_of_the_configuration(place: Workplace, time: Time) -> None:
    grant = Grant(frozenset({"operator"}), frozenset({"snow"}))
    declared = DeclaredToken("ci", "a-secret-of-at-least-24-characters", grant, time.at + 10)
    settings = type(place.config.access)(url="http://127.0.0.1", tokens={"ci": declared})
    assert declared.secret not in repr(settings)
    who = await ask(place, declared.secret, settings=settings)
    assert who == Principal(
        id="token:declared:ci", name="token ci", roles=frozenset({Role.OPERATOR}), connections=frozenset({"snow"})
    )
    time.at += 10
    assert await ask(place, declared.secret, settings=settings) is None
