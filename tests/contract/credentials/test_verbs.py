"""What people do with secrets: rights and scope, the trail, and no verb that gives a value back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract.errors import InputError
from gateway.access.rights import NotAllowed, Principal, Role
from gateway.api.metrics import _state
from gateway.audit.tables import audit
from gateway.credentials import store
from gateway.credentials.tables import credential
from gateway.credentials.vault import MasterKey, Vault
from gateway.storage.database import Database, loads
from gateway.sync.batch import Topology
from gateway.work import secrets
from gateway.work.connections import list_connections
from gateway.work.credentials import in_words
from gateway.work.workplace import Workplace
from tests.unit.gateway.config.support import GOOD, loaded

VALUE = "s3cret-of-the-test"


def who(role: Role = Role.INTEGRATOR, connections: frozenset[str] | None = None) -> Principal:
    return Principal(id="user:ann", name="ann", roles=frozenset({role}), connections=connections)


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Workplace:
    text = GOOD.replace('password: "${SNOW_PASSWORD}"', "password: 'secret:password'")
    config = loaded(tmp_path, text)
    return Workplace(database=database, config=config, topology=Topology.of([]), now=lambda: 1000.0)


async def trail(database: Database) -> list[tuple[str, str | None, Any]]:
    async with database.read() as tx:
        rows = await tx.execute(select(audit.c.kind, audit.c.connection, audit.c.detail).order_by(audit.c.id))
        return [(kind, connection, loads(detail)) for kind, connection, detail in rows]


async def test_setting_and_listing(place: Workplace, vault: Vault, database: Database) -> None:
    (first,) = await secrets.set_secrets(place, who(), vault, "snow", {"password": VALUE}) or []
    assert (first.state, first.used, first.set_by, first.set_at) == ("in use", True, "ann", 1000.0)
    given: dict[str, Any] = {"overlap_s": 60.0, "ends_at": 2000.0}
    (second,) = await secrets.set_secrets(place, who(), vault, "snow", {"password": VALUE + "2"}, **given) or []
    assert second.state == "being proved"
    await secrets.set_secrets(place, who(), vault, "snow", {"other": VALUE})
    found = await secrets.list_secrets(place, who(), "snow")
    assert [(each.name, each.state, each.used) for each in found] == [
        ("other", "in use", False),
        ("password", "being proved", True),
    ]
    assert VALUE not in str(msgspec.to_builtins(found))
    told = await trail(database)
    assert [(kind, connection, detail["names"]) for kind, connection, detail in told] == [
        ("secret_set", "snow", ["password"]),
        ("secret_set", "snow", ["password"]),
        ("secret_set", "snow", ["other"]),
    ]
    assert (told[0][2]["overlap_s"], told[1][2]["overlap_s"], told[1][2]["ends_at"]) == (3600.0, 60.0, 2000.0)
    assert VALUE not in str(told)


async def test_a_refused_one_says_why(place: Workplace, vault: Vault, database: Database) -> None:
    for _ in range(2):
        await secrets.set_secrets(place, who(), vault, "snow", {"password": VALUE})
    async with database.begin() as tx:
        await store.refuse(tx, "snow", {"password": 2}, "401")
    (found,) = await secrets.list_secrets(place, who())
    assert (found.state, found.refused) == ("refused", "401")


async def test_rights_and_scope(place: Workplace, vault: Vault) -> None:
    await secrets.set_secrets(place, who(), vault, "snow", {"password": VALUE})
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUDITOR):
        with pytest.raises(NotAllowed):
            await secrets.set_secrets(place, who(role), vault, "snow", {"password": VALUE})
        with pytest.raises(NotAllowed):
            await secrets.list_secrets(place, who(role))
        with pytest.raises(NotAllowed):
            await secrets.remove_secret(place, who(role), "snow", "password")
    elsewhere = who(connections=frozenset({"jira"}))
    assert await secrets.set_secrets(place, elsewhere, vault, "snow", {"password": VALUE}) is None
    assert await secrets.set_secrets(place, who(), vault, "nowhere", {"password": VALUE}) is None
    assert await secrets.list_secrets(place, elsewhere) == []
    assert not await secrets.remove_secret(place, elsewhere, "snow", "password")
    with pytest.raises(NotAllowed):
        await secrets.rotate_key(place, who(), vault)


async def test_another_credential_is_handed_in_whole_and_proved_before_it_is_used(place: Workplace) -> None:
    (first,) = await secrets.rotate(place, who(), "snow", {"password": VALUE}) or []
    assert first.state == "in use"
    (second,) = await secrets.rotate(place, who(), "snow", {"password": VALUE + "2"}, overlap_s=60.0) or []
    assert second.state == "being proved"
    assert VALUE not in str(msgspec.to_builtins(second))
    with pytest.raises(secrets.RotationRefused, match="is made of password") as named:
        await secrets.rotate(place, who(), "snow", {"passwort": VALUE})
    assert (named.value.code, named.value.status) == ("secret.names", 409)
    with pytest.raises(secrets.RotationRefused, match="nothing that jira signs in with"):
        await secrets.rotate(place, who(), "jira", {"password": VALUE})
    with pytest.raises(NotAllowed):
        await secrets.rotate(place, who(Role.OPERATOR), "snow", {"password": VALUE})
    assert await secrets.rotate(place, who(connections=frozenset({"jira"})), "snow", {"password": VALUE}) is None


async def test_an_empty_one_is_none(place: Workplace, vault: Vault) -> None:
    with pytest.raises(InputError, match="empty"):
        await secrets.set_secrets(place, who(), vault, "snow", {"password": ""})
    assert await secrets.list_secrets(place, who()) == []


async def test_removing(place: Workplace, vault: Vault, database: Database) -> None:
    await secrets.set_secrets(place, who(), vault, "snow", {"password": VALUE})
    assert await secrets.remove_secret(place, who(), "snow", "password")
    assert not await secrets.remove_secret(place, who(), "snow", "password")
    assert [kind for kind, _, _ in await trail(database)] == ["secret_set", "secret_removed"]


async def test_another_master_key(place: Workplace, vault: Vault, database: Database) -> None:
    await secrets.set_secrets(place, who(), vault, "snow", {"password": VALUE, "other": VALUE})
    new = MasterKey(b"n" * 32)
    with pytest.raises(InputError, match=r"secrets\.former"):
        await secrets.rotate_key(place, who(Role.ADMIN), Vault([new]))
    both = Vault([new, MasterKey(b"k" * 32)])
    done = await secrets.rotate_key(place, who(Role.ADMIN), both)
    assert (done.key, done.values) == (new.id, 2)
    assert (await secrets.rotate_key(place, who(Role.ADMIN), both)).values == 0
    async with database.read() as tx:
        rows = await store.secrets(tx, "snow")
    assert store.opened(Vault([new]), rows, "value") == {"password": VALUE, "other": VALUE}
    assert (await trail(database))[-1][2]["key"] == new.id


async def test_how_it_stands_is_shown_at_the_connection(place: Workplace, database: Database) -> None:
    """To whoever sees the connection, as a figure, and in words; a connection that never ran shows none."""
    row = {"connection": "snow", "kind": "basic", "state": "no_token", "reason": "invalid_grant", "since": 10.0}
    row |= {"former_until": None, "ends_at": 1600.0, "token_ends_at": 1300.0}
    async with database.begin() as tx:
        await tx.execute(credential.insert().values(row))
    jira, snow = await list_connections(place, who(Role.VIEWER))
    assert jira.credential is None
    assert snow.credential is not None
    assert (snow.credential.state, snow.credential.ends_at) == ("no_token", 1600.0)
    assert in_words(snow.credential, lambda at: f"{at:g}" if at else "") == [
        ("credential", "no token: invalid_grant"),
        ("in use since", "10"),
        ("ends", "1600"),
        ("its token ends, and is renewed by then", "1300"),
    ]
    (ends,) = [each for each in _state([jira, snow], 1000.0) if each.name == "lockstep_credential_ends_seconds"]
    assert [(each.labels, each.value) for each in ends.samples] == [({"connection": "snow"}, 600.0)]
