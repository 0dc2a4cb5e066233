"""What only an admin may put in place: each rule, and that what an integrator is for passes."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.config import Config
from gateway.config.high_risk import HighRisk
from gateway.config.written import differences
from gateway.work.guarded import only_for_admins

DESK: dict[str, Any] = {"connector": "desk", "url": "https://desk", "auth": {"bearer": {"token": "secret:token"}}}
NOW: dict[str, Any] = {
    "settings": {"listen": "127.0.0.1:8080"},
    "connections": {"desk": DESK},
    "flows": {"tickets": {"type": "incident", "members": {"desk": {"object": "ticket"}}}},
    "files": {"connectors/desk.yaml": "1", "desk-ticket.yaml": "1"},
}


def config(folder: Path) -> Config:
    settings = SimpleNamespace(connector=str(folder / "connectors" / "desk.yaml"), auth=DESK["auth"])
    desk = SimpleNamespace(name="desk", settings=settings)
    return cast(
        Config, SimpleNamespace(file=folder / "lockstep.yaml", connections={"desk": desk}, high_risk=HighRisk())
    )


def why(folder: Path, section: str, entry: dict[str, Any]) -> list[str]:
    after = {**NOW, section: {**NOW[section], **entry}}
    return only_for_admins(NOW, after, differences(NOW, after), config(folder))


@pytest.mark.parametrize(
    ("section", "entry", "said"),
    [
        ("settings", {"listen": "0.0.0.0:80"}, "the setting listen"),
        ("connections", {"new": {**DESK, "auth": {"bearer": {"token": "${TOKEN}"}}}}, "auth.bearer.token is taken"),
        ("connections", {"new": {**DESK, "auth": {"bearer": {"token": "file:t"}}}}, "is taken from this machine"),
        ("connections", {"new": {**DESK, "url": "https://x/${SECRET}"}}, "url is taken"),
        ("connections", {"new": {**DESK, "options": {"paths": ["a", "${SECRET}"]}}}, "options.paths is taken"),
        ("connections", {"new": {**DESK, "connector": "os:system"}}, "names code: os:system"),
        ("connections", {"desk": {**DESK, "url": "https://elsewhere"}}, "at another url"),
        ("connections", {"desk": {**DESK, "connector": "other"}}, "at another connector"),
        (
            "connections",
            {"desk": {**DESK, "auth": {"session": {"login_url": "https://elsewhere/in", "password": "secret:token"}}}},
            "at another login_url",
        ),
        (
            "connections",
            {"desk": {**DESK, "auth": {**DESK["auth"], "oauth2_refresh": {"token_url": "https://elsewhere/token"}}}},
            "at another token_url",
        ),
        ("flows", {"tickets": {"members": {"desk": {"with": {"project": "${SECRET}"}}}}}, "with.project is taken"),
        ("files", {"connectors/desk.yaml": "2"}, "signs in by the connector file connectors/desk.yaml"),
    ],
)
def test_what_gives_secrets_or_rights_is_an_admins(
    tmp_path: Path, section: str, entry: dict[str, Any], said: str
) -> None:
    found = why(tmp_path, section, entry)
    assert len(found) == 1 and said in found[0]


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("connections", {"new": {**DESK, "options": {"text": "costs $${5}"}}}),
        ("connections", {"desk": {**DESK, "label": "Desk", "rate": 3}}),
        ("flows", {"tickets": {"type": "incident", "begins": "shadow"}}),
        ("files", {"desk-ticket.yaml": "2"}),
        ("files", {"connectors/new.yaml": "1"}),
    ],
)
def test_what_an_integrator_is_for_passes(tmp_path: Path, section: str, entry: dict[str, Any]) -> None:
    assert why(tmp_path, section, entry) == []
