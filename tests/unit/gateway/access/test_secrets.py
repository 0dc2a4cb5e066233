"""What is made of secrets, what passwords have to be, and which addresses count as one."""

from __future__ import annotations

import pytest

from gateway.access import passwords
from gateway.access.hashes import TOKEN_PREFIX, csrf_of, digest, new_secret, same
from gateway.access.joining import granted
from gateway.access.passwords import Checker, WeakPassword, generated, judge, outdated
from gateway.access.routes import inside
from gateway.access.throttle import _address
from gateway.config.access import Grant, Oidc


def test_secrets_are_long_and_differ() -> None:
    made = {new_secret(TOKEN_PREFIX) for _ in range(100)}
    assert len(made) == 100
    assert all(each.startswith("lsk_") and len(each) == 47 for each in made)
    assert len(digest("x")) == 64
    assert csrf_of("one") != csrf_of("two")
    assert same("äb", "äb")
    assert not same("a", "")


async def test_the_hash_for_nobody_costs_what_the_others_cost() -> None:
    """OWASP's and RFC 9106's second choice: 64 MiB, three passes."""
    stored = await Checker().hash("four score and seven years")
    assert stored.split("$")[:4] == passwords.NOBODY.split("$")[:4] == ["", "argon2id", "v=19", "m=65536,t=3,p=4"]
    assert not outdated(stored)
    assert not outdated(passwords.NOBODY)
    assert outdated(stored.replace("m=65536", "m=1024"))


async def test_passwords_are_told_apart_and_not_by_how_they_are_typed() -> None:
    checker = Checker()
    stored = await checker.hash("\u212bngstr\u00f6m is a unit")
    assert await checker.check(stored, "\u00c5ngstro\u0308m is a unit")
    assert not await checker.check(stored, "angstrom is a unit")
    assert not await checker.check("", "")
    assert not await checker.check("no hash at all", "x")
    assert not await checker.check(stored, "x" * 1_000_000)


@pytest.mark.parametrize(
    "bad", ["", "fourteen chars", "bobs-own-password", "BOB is the name", "abababababababab", "x" * 257]
)
def test_weak_passwords(bad: str) -> None:
    with pytest.raises(WeakPassword):
        judge(bad, "bob")


def test_good_passwords() -> None:
    judge("correct horse battery", "bob")
    judge(generated(), "bob")
    assert generated() != generated()


@pytest.mark.parametrize("path", ["/", "/c/FO-1", "/audit?who=bob&from=2026-01-01T00:00Z#x"])
def test_paths_inside(path: str) -> None:
    assert inside(path) == path


@pytest.mark.parametrize(
    "path", ["", "x", "//x", "///x", "/\\x", "\\\\x", "https:x", "http://x", "/a\r\nSet-Cookie: x", "/%0d\n", "/a\\b"]
)
def test_paths_that_lead_elsewhere(path: str) -> None:
    assert inside(path) == "/"


def test_an_ipv6_network_counts_as_one_address() -> None:
    assert _address("2001:db8:1:2::1") == _address("2001:db8:1:2:ffff::9")
    assert _address("2001:db8:1:2::1") != _address("2001:db8:1:3::1")
    assert _address("192.0.2.1") != _address("192.0.2.2")


@pytest.mark.parametrize(
    ("groups", "roles", "connections"),
    [
        (["snow-ops"], {"operator"}, {"snow"}),
        (["jira-admins", "snow-ops"], {"operator"}, {"snow"}),
        (["everywhere", "snow-ops"], {"operator", "viewer"}, {"snow"}),
        (["everywhere", "jira-admins"], {"admin", "viewer"}, {"jira"}),
        ("everywhere", {"viewer"}, None),
        ([], None, None),
        (["nothing of ours", 7], None, None),
        (None, None, None),
    ],
)
def test_groups_give_roles_where_they_give_them(
    groups: object, roles: set[str] | None, connections: set[str] | None
) -> None:
    settings = Oidc(
        issuer="https://id.example.com",
        client_id="lockstep",
        client_secret="",
        label="",
        scopes=("openid",),
        audience="",
        name_claim="name",
        algorithms=("RS256",),
        groups_claim="groups",
        groups={
            "snow-ops": Grant(frozenset({"operator"}), frozenset({"snow"})),
            "jira-admins": Grant(frozenset({"admin"}), frozenset({"jira"})),
            "everywhere": Grant(frozenset({"viewer"})),
        },
    )
    found = granted(settings, {"groups": groups})
    assert (found and set(found.roles)) == roles
    assert (found and found.connections and set(found.connections)) == connections
