"""`lockstep siem verify|verifier`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.main import main
from gateway.siem.forms.sender import Form
from gateway.siem.verifier.bundle import program
from tests.support.feed import SIGNER, feed_of, stored


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["siem", *words])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    path = tmp_path / "soc.log"
    path.write_bytes(stored(feed_of(30, Form.LEEF).lines))
    return path


def test_a_whole_feed_is_proved_by_the_librarys_signatures(feed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "verify", str(feed), "--key", SIGNER.public)
    assert code == 0
    assert out.splitlines()[:2] == ["soc: 30 events, 1 to 30", "  proved: 1 to 30"]
    assert out.splitlines()[-1] == "complete"


def test_a_line_that_is_gone_is_named_and_ends_with_1(feed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = feed.read_bytes().splitlines(keepends=True)
    feed.write_bytes(b"".join(lines[:6] + lines[7:]))
    code, out, _ = said(capsys, "verify", str(feed), "--key", SIGNER.public)
    assert (code, out.splitlines()[1:3]) == (1, ["  missing 7", "  proved: 8 to 30"])
    code, out, _ = said(capsys, "verify", str(feed), "--json")
    assert (code, json.loads(out)["feeds"][0]["findings"][0]["first"]) == (1, 7)
    assert said(capsys, "verify", str(feed), "--from", "8")[0] == 0
    assert said(capsys, "verify", str(feed), "--from", "8", "--to", "31")[0] == 1
    assert said(capsys, "verify", str(feed), "--from", "8", "--max-age", "1s")[0] == 1


def test_what_cannot_be_read_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "verify", str(tmp_path / "none"))[0] == 2
    code, _, err = said(capsys, "verify", str(tmp_path / "none"), "--key", "???")
    assert (code, err.startswith("--key: ")) == (2, True)


def test_the_program_is_printed_to_the_octet(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "verifier")[1] == program()
