"""What somebody writes into a draft's file, or sends in a form, that a form does not know."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.config.parts import PART, with_values
from gateway.config.polling import Poll
from gateway.console import register
from gateway.console.frame import Asked, Misunderstood
from gateway.console.register_forms import settings_fields


def asked(folder: Path, **fields: str) -> Asked:
    place = SimpleNamespace(config=SimpleNamespace(file=folder / "lockstep.yaml"))
    desk = SimpleNamespace(place=place)
    said: Any = SimpleNamespace(desk=desk, sent=fields, field=lambda name: fields.get(name, ""))
    return cast(Asked, said)


@pytest.mark.parametrize("connector", ["./gone.yaml", "gone.py:create", "no.such.package:create", "..:x", "jira: 1"])
def test_a_connector_that_cannot_be_looked_at_leaves_the_page(tmp_path: Path, connector: str) -> None:
    """The page has the file in which it is to be mended."""
    assert register._report(asked(tmp_path), connector, {}) is None


def test_one_that_is_there_is_looked_at(tmp_path: Path) -> None:
    assert (report := register._report(asked(tmp_path), "hubspot", {})) and report.connector == "hubspot"


@pytest.mark.parametrize("text", ["x\n", "[1]\n"])
def test_a_text_that_is_no_block_stays_as_it_is(text: str) -> None:
    assert with_values(text, {("connections", "desk", "url"): "https://x"}) == text


@pytest.mark.parametrize("kind", ["bogus", "overlap"])
async def test_a_way_to_sign_in_that_is_none_is_refused(tmp_path: Path, kind: str) -> None:
    draft: Any = SimpleNamespace(name="desk", files={PART: "connections: {desk: {}}\n"})
    with pytest.raises(Misunderstood):
        await register._signed(asked(tmp_path, kind=kind), draft, "form")


@pytest.mark.parametrize(("fields", "kept"), [({}, True), ({"webhook": ""}, False), ({"webhook": "${HOOK}"}, True)])
async def test_a_webhook_is_not_lost_by_a_form_that_does_not_ask_for_it(
    tmp_path: Path, fields: dict[str, str], kept: bool
) -> None:
    text = "connections:\n  desk:\n    auth: {none: {}}\n    webhook: {secret: '${HOOK}'}\n"
    draft: Any = SimpleNamespace(name="desk", files={PART: text})
    written, _ = await register._signed(asked(tmp_path, kind="none", **fields), draft, "form")
    assert ("${HOOK}" in written) is kept


def test_the_form_says_how_often_it_asks_where_nothing_is_said() -> None:
    (every,) = [each for each in settings_fields("desk", "connections: {desk: {}}\n", None) if each.name == "every"]
    assert f"empty: every {Poll().every:g}s" in every.hint
