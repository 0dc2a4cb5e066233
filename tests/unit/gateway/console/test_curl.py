"""A case as commands: quoted for a shell, and without any credential."""

from __future__ import annotations

import shlex
from types import SimpleNamespace
from typing import Any, cast

from yarl import URL

from gateway.console.curl import commands


def _commands(base: str = "", **evidence: Any) -> dict[str, str]:
    access = SimpleNamespace(url=base)
    desk = SimpleNamespace(place=SimpleNamespace(config=SimpleNamespace(access=access)))
    asked = SimpleNamespace(desk=desk, request=SimpleNamespace(url=URL("http://127.0.0.1:8080/c/FO-17?x=1")))
    case = SimpleNamespace(number="FO-17", connection="jira-prod", evidence=evidence)
    return {each.name: each.text for each in commands(cast(Any, asked), cast(Any, case))}


def test_the_api_is_asked_with_a_token_that_is_named_not_told() -> None:
    found = _commands()
    assert found["lockstep"] == "lockstep case show FO-17"
    assert shlex.split(found["curl, the API"])[-1] == "http://127.0.0.1:8080/v1/cases/FO-17"
    assert "$LOCKSTEP_TOKEN" in found["curl, the API"]
    there = _commands("https://lockstep.example.com/")["curl, the API"]
    assert shlex.split(there)[-1] == "https://lockstep.example.com/v1/cases/FO-17"
    assert len(found) == 2


def test_the_request_is_told_as_it_is_kept_and_its_body_is_not_made_up() -> None:
    url = "https://jira.example/rest/api/3/issue/7?a='b $(rm)"
    text = _commands(method="PUT", url=url, headers={"Authorization": "***"})["curl, as sent to jira-prod"]
    parts = shlex.split(text)
    assert parts[-1] == url
    assert parts[:4] == ["curl", "-sS", "-X", "PUT"]
    assert "Authorization: $JIRA_PROD_AUTHORIZATION" in parts and "@body.json" in parts
    assert "@body.json" not in _commands(method="GET", url=url)["curl, as sent to jira-prod"]


def test_evidence_that_is_no_request_makes_no_command() -> None:
    assert len(_commands(method="P; rm", url="https://x")) == len(_commands(method=1, url=None)) == 2
