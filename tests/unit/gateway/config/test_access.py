"""`access:` of the configuration: secrets by reference only, names that exist, and what stands there by default."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import get_args

import pytest

from gateway.access.rights import Role
from gateway.config.access import RoleName
from tests.unit.gateway.config.support import ENV, GOOD, loaded, told

SECRET = "a-token-of-the-tests-0123456789"
WITH = {**ENV, "CI_TOKEN": SECRET, "OIDC_SECRET": "s3cret-of-oidc"}
TOKENS = (
    GOOD
    + """\
access:
  tokens:
    ci: {secret: "${CI_TOKEN}", roles: [viewer, operator], connections: [jira], types: [incident], expires: 2027-03-31}
"""
)
OIDC = (
    GOOD
    + """\
access:
  url: https://lockstep.example.com/
  proxies: [10.0.0.0/8]
  internal: [id.example.com, 10.1.0.0/16]
  sessions: {idle: 30m, longest: 8h}
  oidc:
    issuer: https://id.example.com/realms/main
    client_id: lockstep
    client_secret: "${OIDC_SECRET}"
    audience: lockstep-api
    roles:
      claim: groups
      map:
        ops: {roles: [operator], connections: [snow]}
        all: {roles: [viewer]}
"""
)


def rules(tmp_path: Path, text: str) -> list[str]:
    return [line.partition("]")[0].partition("[")[2] for line in told(tmp_path, text, WITH)]


def test_roles_are_named_as_in_the_code() -> None:
    assert set(get_args(RoleName)) == {str(role) for role in Role}


def test_without_it_people_come_to_where_it_listens(tmp_path: Path) -> None:
    access = loaded(tmp_path).access
    assert (access.url, access.tls, access.tokens, access.oidc) == ("http://127.0.0.1:8080", False, {}, None)
    assert (access.idle_s, access.longest_s) == (3600.0, 12 * 3600.0)
    assert loaded(tmp_path, f'{GOOD}listen: "0.0.0.0:9000"\n').access.url == "http://localhost:9000"


def test_a_declared_token(tmp_path: Path) -> None:
    config = loaded(tmp_path, TOKENS, WITH)
    token = config.access.tokens["ci"]
    assert (token.secret, token.expires_at) == (SECRET, 1_806_451_200.0)
    assert token.grant.roles == frozenset({"viewer", "operator"})
    assert (token.grant.connections, token.grant.types) == (frozenset({"jira"}), frozenset({"incident"}))
    assert SECRET not in repr(config)


def test_a_provider(tmp_path: Path) -> None:
    config = loaded(tmp_path, OIDC, WITH)
    access, oidc = config.access, config.access.oidc
    assert oidc is not None
    assert (access.url, access.tls, access.idle_s) == ("https://lockstep.example.com", True, 1800.0)
    assert ip_address("10.9.9.9") in access.proxies[0]
    assert (oidc.client_secret, oidc.audience, oidc.scopes[0]) == ("s3cret-of-oidc", "lockstep-api", "openid")
    assert list(oidc.groups) == ["ops", "all"], "the order of the file counts"
    assert "s3cret-of-oidc" not in repr(config)


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ('"${CI_TOKEN}"', SECRET, "secret-literal"),
        ('"${CI_TOKEN}"', '"${NOT_SET}"', "env-missing"),
        ('"${CI_TOKEN}"', '"${SNOW_HOOK}"', "weak-token"),
        ("[viewer, operator]", "[king]", "choice"),
        ("[viewer, operator]", "[]", "value"),
        ("connections: [jira], t", "connections: [sap], t", "unknown-connection"),
        ("[incident]", "[change]", "unknown-type"),
        ("2027-03-31", "tomorrow", "value"),
    ],
)
def test_what_is_wrong_with_a_token_is_told(tmp_path: Path, good: str, bad: str, rule: str) -> None:
    problems = told(tmp_path, TOKENS.replace(good, bad), WITH)
    assert len(problems) == 1, problems
    assert f"error[{rule}]" in problems[0]
    assert SECRET not in problems[0]


@pytest.mark.parametrize(
    ("good", "bad", "rule"),
    [
        ('"${OIDC_SECRET}"', "hunter2", "secret-literal"),
        ("lockstep-api", "lockstep", "audience"),
        ("[snow]", "[snwo]", "unknown-connection"),
        ("https://lockstep.example.com/", "lockstep.example.com", "value"),
        ("https://lockstep.example.com/", "https://lockstep.example.com/console", "value"),
        ("https://id.example.com/realms/main", "id.example.com", "value"),
        ("10.0.0.0/8", "10.0.0.0/99", "value"),
        ("10.1.0.0/16", "10.1.0.0/99", "value"),
        ("30m", "5s", "value"),
        ("claim: groups", "claim: groups, algorithms: [none]", "unknown-key"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told(tmp_path: Path, good: str, bad: str, rule: str) -> None:
    found = rules(tmp_path, OIDC.replace(good, bad))
    assert len(found) == 1, found
    if rule not in ("value", "unknown-key"):
        assert found == [rule]


def test_an_algorithm_that_proves_nothing_is_refused(tmp_path: Path) -> None:
    for algorithm in ("none", "HS256"):
        text = OIDC.replace("    audience:", f"    algorithms: [{algorithm}]\n    audience:")
        assert len(rules(tmp_path, text)) == 1
