"""How the script that brings real servers puts their URLs into a command."""

from __future__ import annotations

import pytest

from scripts import real_parts
from tests.support import kafka

URLS = {"{stream}": "kafka://127.0.0.1:9092", "{database}": "postgresql+asyncpg://u@127.0.0.1:5432/d"}


def test_placeholders_become_urls_and_other_braces_stay() -> None:
    asked = "--stream {stream} --database {database} --template {name}"
    assert real_parts.filled(asked, URLS) == (
        "--stream kafka://127.0.0.1:9092 --database postgresql+asyncpg://u@127.0.0.1:5432/d --template {name}"
    )


def test_no_command_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert real_parts.main([]) == 2
    assert "python -m scripts.real_parts" in capsys.readouterr().err


def test_a_server_that_cannot_be_had_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kafka, "why_not", lambda: "no Kafka broker: no Java")
    assert real_parts.main(["true"]) == 1
    assert capsys.readouterr().err == "no Kafka broker: no Java\n"
