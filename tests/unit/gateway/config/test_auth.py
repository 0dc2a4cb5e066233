"""How connections sign in, as the file says it: each kind reaches the client as it understands it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.rest.kinds import KINDS as UNDERSTOOD
from connectors.rest.kinds import kind_of
from gateway.config.auth import KINDS, RENEWING, Auth, FromFile, FromStore
from tests.unit.gateway.config.support import ENV, GOOD, loaded, told

JIRA = 'auth: {basic: {user: lockstep@example.com, password: "${JIRA_TOKEN}"}}'
OAUTH = 'token_url: https://id.example/token, client_id: us, client_secret: "${JIRA_TOKEN}"'
SIGNING = {
    "basic": 'user: us, password: "${JIRA_TOKEN}"',
    "bearer": 'token: "${JIRA_TOKEN}"',
    "api_key": 'key: "${JIRA_TOKEN}", header: X-Api-Key, prefix: "Token "',
    "oauth2_client_credentials": f"{OAUTH}, scopes: [a, b], renew_at: 0.5, lasts: 2h, client_in: header, "
    "extra: {audience: x}",
    "oauth2_refresh": f'{OAUTH}, refresh_token: "${{JIRA_TOKEN}}"',
    "jwt_assertion": 'token_url: /token, issuer: us, private_key: "${JIRA_TOKEN}", send: bearer, claims: {a: b}, '
    "assertion_lasts: 9m",
    "session": 'login_url: /login, user: us, password: "${JIRA_TOKEN}", cookie: JSESSIONID, form: true',
}


def with_auth(auth: str) -> str:
    return GOOD.replace(JIRA, f"auth: {{{auth}}}")


@pytest.mark.parametrize("kind", sorted(SIGNING))
def test_each_kind_reaches_the_client(tmp_path: Path, kind: str) -> None:
    connection = loaded(tmp_path, with_auth(f"{kind}: {{{SIGNING[kind]}}}")).connections["jira"]
    understood = kind_of("jira", connection.settings.auth)
    assert isinstance(understood, UNDERSTOOD[kind])
    assert ENV["JIRA_TOKEN"] in [getattr(understood, each.name) for each in msgspec.structs.fields(understood)]
    assert (connection.credentials.kind, connection.credentials.needs_vault) == (kind, kind in RENEWING)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_and_the_client_know_the_same_settings(kind: str) -> None:
    annotation: Any = Auth.model_fields[kind].annotation
    model = next(each for each in annotation.__args__ if each is not type(None))
    wanted = set(UNDERSTOOD[kind].__struct_fields__)
    assert set(model.model_fields) == wanted


def test_durations_arrive_in_seconds(tmp_path: Path) -> None:
    kind = "oauth2_client_credentials"
    auth = loaded(tmp_path, with_auth(f"{kind}: {{{SIGNING[kind]}}}")).connections["jira"].settings.auth
    assert (auth[kind]["lasts"], auth[kind]["renew_at"]) == (7200.0, 0.5)


def test_where_parts_come_from(tmp_path: Path) -> None:
    (tmp_path / "id").write_text("us\n")
    text = with_auth(
        "oauth2_client_credentials: {token_url: /t, client_id: us, client_secret: 'secret:one'}, overlap: 2h, "
        "ends: 2027-03-31, notice: 30d"
    ).replace('password: "${SNOW_PASSWORD}"', "password: 'file:id'")
    config = loaded(tmp_path, text)
    jira, snow = config.connections["jira"].credentials, config.connections["snow"].credentials
    assert jira.origins == {"client_secret": FromStore("one")}
    assert (jira.overlap_s, jira.notice_s, jira.ends_at) == (7200.0, 30 * 86400.0, 1806451200.0)
    assert snow.origins == {"password": FromFile(tmp_path / "id")}
    assert (jira.stored, snow.stored, snow.needs_vault) == (True, False, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('webhook: {secret: "${SNOW_HOOK}"}', "webhook: {secret: 'secret:hook'}"),
        ('password: "${SNOW_PASSWORD}"', "password: 'secret:Not A Name'"),
        ('password: "${SNOW_PASSWORD}"', "password: 'secret:'"),
        ('user: "${SNOW_USER}"', "user: 'secret:user'"),
    ],
)
def test_secrets_of_the_database_are_for_signing_in_and_have_names(tmp_path: Path, old: str, new: str) -> None:
    problems = told(tmp_path, GOOD.replace(old, new))
    assert [line.partition("]")[0].partition("[")[2] for line in problems] == ["secret-stored"]


SHARED = "database: postgresql+asyncpg://u@db.example.com/x\n"


def test_a_shared_database_wants_a_key_that_all_workers_know(tmp_path: Path) -> None:
    text = GOOD.replace('password: "${SNOW_PASSWORD}"', "password: 'secret:password'")
    assert told(tmp_path, text) == []
    (problem,) = told(tmp_path, text + SHARED)
    assert "error[secrets-key]: snow keeps secrets or tokens in the database" in problem
    key = "secrets: {key: '${SNOW_PASSWORD}', former: ['${SNOW_HOOK}']}\n"
    env = {**ENV, "SNOW_PASSWORD": "6b" * 32, "SNOW_HOOK": "a2" * 32}
    config = loaded(tmp_path, text + SHARED + key, env)
    assert (config.secrets.key, config.secrets.former) == ("6b" * 32, ("a2" * 32,))
    assert "6b6b" not in repr(config)
    (problem,) = told(tmp_path, text + SHARED + key, {**env, "SNOW_HOOK": "hunter2"})
    assert "32 bytes" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    "auth",
    [
        "basic: {user: us, password: '${JIRA_TOKEN}'}, bearer: {token: '${JIRA_TOKEN}'}",
        "overlap: 2h",
        "api_key: {key: '${JIRA_TOKEN}'}",
        "oauth2_client_credentials: {token_url: 'ftp://x/y', client_id: us, client_secret: '${JIRA_TOKEN}'}",
        "session: {login_url: /login, user: us, password: '${JIRA_TOKEN}'}",
        "jwt_assertion: {token_url: /t, issuer: us, private_key: hunter2}",
    ],
)
def test_what_cannot_sign_in_is_a_problem(tmp_path: Path, auth: str) -> None:
    problems = told(tmp_path, with_auth(auth))
    assert len(problems) == 1
    assert "hunter2" not in problems[0]
