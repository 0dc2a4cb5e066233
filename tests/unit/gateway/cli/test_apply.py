"""`lockstep apply`: what is planned is what is put in place, what is not safe is refused, and nothing is half done."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.unit.gateway.cli.conftest import Run

EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


@pytest.fixture
def files(filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of what is handed in: a ticket system that the configuration knows nothing of."""
    for name in ("DESK_URL", "DESK_SECRET", "DESK_HOOK"):
        monkeypatch.setenv(name, "http://127.0.0.1:18004" if name == "DESK_URL" else "a-secret-of-the-test")
    folder = tmp_path / "new"
    shutil.copytree(EXAMPLES / "brambledesk", folder)
    (folder / "lockstep.yaml").unlink()
    (folder / "desk.yaml").write_text(DESK)
    return folder


DESK = """
connections:
  desk:
    connector: brambledesk
    url: "${DESK_URL}"
    auth: {oauth2_client_credentials: {client_id: lockstep, client_secret: "${DESK_SECRET}"}}
    webhook: {secret: "${DESK_HOOK}"}
flows:
  tickets:
    begins: shadow
    type: incident
    members:
      desk: {object: ticket, mapping: brambledesk-ticket.yaml}
      desk2: {object: ticket, mapping: brambledesk-ticket.yaml}
"""
ADD = ("desk.yaml", "brambledesk-ticket.yaml", "connectors/brambledesk.yaml")


def named(files: Path) -> list[str]:
    return [str(files / each) for each in ADD]


@pytest.fixture
def twice(files: Path) -> Path:
    """Two of them, because a flow has two members."""
    text = DESK.replace(
        "flows:", DESK.partition("connections:\n")[2].partition("flows:")[0].replace("desk:", "desk2:") + "flows:"
    )
    (files / "desk.yaml").write_text(text)
    return files


def state(config: Path) -> dict[str, bytes]:
    here = config.parent
    return {str(each.relative_to(here)): each.read_bytes() for each in here.rglob("*.yaml")}


def test_a_plan_shows_all_and_changes_nothing(run: Run, filled: Path, twice: Path) -> None:
    before = state(filled)
    said = run("apply", "--plan", *named(twice))
    assert said.code == 0, said
    for line in ("+ connection desk\n", "+ connection desk2\n", "+ flow tickets\n", "+ file brambledesk-ticket.yaml\n"):
        assert line in said.out
    assert "value: " not in said.out and "(built in)" not in said.out
    assert "    connector: brambledesk\n" in said.out and "maps and plans from the next start on" in said.out
    assert "a-secret-of-the-test" not in said.out + said.err and "${DESK_SECRET}" in said.out
    assert state(filled) == before
    assert run("apply", "--plan", "--exit-changes", *named(twice)).code == 10


def test_it_is_put_in_place_whole_and_said_again_it_is_nothing(run: Run, filled: Path, twice: Path) -> None:
    filled.write_text("# ours\n" + filled.read_text())
    assert run("apply", *named(twice), "--no-input").code == 2, "nobody said yes"
    said = run("apply", *named(twice), "--yes", "--reason", "a desk of our own")
    assert said.code == 0, said
    text = filled.read_text()
    assert text.startswith("# ours\n"), "what stands around the entries stays"
    assert (filled.parent / "connectors" / "brambledesk.yaml").is_file()
    assert run("check").code == 0
    again = run("apply", *named(twice), "--yes")
    assert (again.code, again.out) == (0, "nothing to change: the configuration says all of it already\n")
    assert filled.read_text() == text
    (version,) = json.loads(run("apply", "--history", "--json").out)
    assert (version["kind"], version["reason"]) == ("applied", "a desk of our own")


def test_who_applied_what_is_kept(run: Run, filled: Path, twice: Path) -> None:
    run("apply", *named(twice), "--yes")
    changed = filled.read_text().replace("begins: shadow", "begins: draft")
    (twice / "whole.yaml").write_text(changed)
    said = run("apply", str(twice / "whole.yaml"), "--yes", "--as", "ann")
    assert "~ flow tickets\n" in said.out and "begins: shadow -> draft" in said.out
    newest, first = json.loads(run("apply", "--history", "--json").out)
    assert (newest["version"], newest["actor"], first["version"]) == (2, "ann", 1)
    assert [(each["kind"], each["name"], each["change"]) for each in newest["changes"]] == [
        ("flow", "tickets", "changed")
    ]
    (field,) = newest["changes"][0]["fields"]
    assert (field["field"], field["before"], field["after"]) == ("begins", "shadow", "draft")
    assert "~ flow tickets" in run("apply", "--history").out


def test_the_first_one_says_that_new_flows_write_at_once_and_how_to_look_first(
    run: Run, filled: Path, twice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no database yet, nor a configuration: what begins live has to be said all the same."""
    first = tmp_path / "first" / "lockstep.yaml"
    first.parent.mkdir()
    for secret in ("token", "master.key", "signing.key"):
        shutil.copy(filled.parent / secret, first.parent)
    monkeypatch.setenv("LOCKSTEP_CONFIG", str(first))
    whole = twice / "whole.yaml"
    whole.write_text(filled.read_text())
    said = run("apply", "--plan", str(whole))
    assert said.code == 0 and "+ flow incidents\n" in said.out, said
    assert "! it begins live: it writes from the next start on; `begins: shadow`" in said.out
    assert "(built in)" not in said.out, "files of ours come with what names them"
    done = run("apply", str(whole), "--yes")
    assert "incidents will write at once. To look first: `begins: shadow`" in done.out, done
    assert "lockstep flow preview incidents" in done.out
    again = run("apply", *named(twice), "--yes")  # still no database, but a configuration
    assert "maps and plans from the next start on" in again.out and "will write at once" not in again.out, again


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--remove", "flow/incidents"), "1 lane holds commands"),
        (("--remove", "connection/jira", "--remove", "flow/incidents"), "1 lane holds commands"),
    ],
)
def test_what_lanes_wait_for_is_not_removed(
    run: Run, filled: Path, twice: Path, arguments: tuple[str, ...], why: str
) -> None:
    before = state(filled)
    said = run("apply", *named(twice), *arguments, "--yes")
    assert said.code == 9 and why in said.err and "lockstep case list" in said.err
    assert state(filled) == before, "not even what was safe"


def test_a_connection_that_a_flow_uses_is_not_removed(run: Run, filled: Path) -> None:
    before = state(filled)
    said = run("apply", "--remove", "connection/snow", "--yes")
    assert said.code == 11 and "there is no connection 'snow'" in said.out
    assert state(filled) == before


def test_objects_keep_their_meaning(run: Run, filled: Path, tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text(filled.read_text().replace("127.0.0.1:18002", "127.0.0.1:18099"))
    said = run("apply", "--plan", str(whole))
    assert said.code == 0 and "linked objects: 1; it has to be the same system" in said.out, said
    assert "lanes with commands: 1; they go on" in said.out


def test_all_problems_at_once_and_nothing_changed(run: Run, filled: Path, files: Path) -> None:
    before = state(filled)
    said = run("apply", *named(files), "--yes")
    assert said.code == 11 and "desk2" in said.out
    assert str(files / "desk.yaml") + ":14:7: error" in said.out, "at its place in what was handed in"
    assert "lockstep-apply-" not in said.out
    assert state(filled) == before


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), 2), (("--remove", "jira"), 2), (("nowhere.yaml",), 2), (("--remove", "flow/nosuch"), 11)],
)
def test_wrong_use(run: Run, filled: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("apply", *arguments).code == code


def test_a_file_that_lies_elsewhere_is_not_put_beside(run: Run, filled: Path, twice: Path, tmp_path: Path) -> None:
    other: Any = tmp_path / "other.yaml"
    other.write_text("mapping: x\n")
    said = run("apply", *named(twice), str(other))
    assert said.code == 11 and f"{other}:1:1: error[outside]: it does not lie below" in said.out
