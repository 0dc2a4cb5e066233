"""Planning and putting in place what somebody hands in who is no admin."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from gateway.access.rights import NotAllowed
from gateway.config.written import digest, document
from gateway.work.drafts import begin_draft, keep_secrets
from gateway.work.registering import (
    ConfigurationInvalid,
    Handed,
    apply_files,
    configuration,
    plan_files,
    take_up,
)
from tests.support.running import ENVIRONMENT
from tests.support.versions import ADA, INES, IVAN, Shelf, shelf

EXAMPLES = Path(__file__).resolve().parents[4] / "examples" / "brambledesk"
DESK = """\
connections:
  desk:
    connector: {connector}
    url: https://desk.example.com
    auth: {{bearer: {{token: "secret:token"}}}}
"""


@pytest.fixture
async def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shelf]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    async with shelf(f"sqlite+aiosqlite:///{tmp_path / 'lockstep.db'}", tmp_path) as made:
        await made.start()
        yield made


async def test_a_plan_of_an_integrator_runs_no_code(
    stand: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing is running: a module that ends the process would end the gateway."""
    (tmp_path / "ends_the_process.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    handed = Handed(files={"desk.yaml": DESK.format(connector="ends_the_process:create")})
    plan = await plan_files(stand.place, INES, handed)
    assert plan.admin == ("connection desk names code: ends_the_process:create",)
    with pytest.raises(NotAllowed, match="names code"):
        await apply_files(stand.place, INES, handed, expected=plan.digest)
    assert "ends_the_process" not in sys.modules
    (tmp_path / "ends_the_process.py").write_text("raise ImportError('imported')\n")
    with pytest.raises(Exception, match="1 problem"):
        await plan_files(stand.place, ADA, handed)


async def test_what_somebody_else_handed_in_goes_nowhere_new_without_an_admin(stand: Shelf) -> None:
    """Under a name that has secrets, of a draft or of a connection that was removed, anybody could fetch them."""
    place = stand.place
    draft = await begin_draft(place, INES, "desk", {"register.yaml": DESK.format(connector="hubspot")}, "signin")
    await keep_secrets(place, INES, draft, {"token": "token-of-the-test"})
    assert (await plan_files(place, INES, draft.handed)).admin == ()
    plan = await plan_files(place, IVAN, draft.handed)
    assert plan.admin == ("connection desk signs in with secret:token, which ines handed in",)
    with pytest.raises(NotAllowed, match="which ines handed in"):
        await apply_files(place, IVAN, draft.handed, expected=plan.digest)
    await keep_secrets(place, IVAN, draft, {"token": "another-of-the-test"})
    assert (await plan_files(place, IVAN, draft.handed)).admin == (), "one's own"


async def test_a_connector_file_of_what_is_in_place_but_does_not_run_yet_is_guarded(stand: Shelf) -> None:
    place, name = stand.place, "connectors/brambledesk.yaml"
    text = (EXAMPLES / name).read_text()
    part = DESK.format(connector="brambledesk").replace("bearer: {token", "basic: {user: lockstep, password")
    first = Handed(files={name: text, "desk.yaml": part})
    await apply_files(place, ADA, first, expected=(await plan_files(place, ADA, first)).digest)
    plan = await plan_files(place, INES, Handed(files={name: f"# elsewhere\n{text}"}))
    assert plan.admin == (f"connection desk signs in by the connector file {name}, which is another one",)


async def test_nothing_stops_for_a_connector_file_that_somebody_broke_by_hand(stand: Shelf) -> None:
    place, name = stand.place, "connectors/brambledesk.yaml"
    part = DESK.format(connector="brambledesk").replace("bearer: {token", "basic: {user: lockstep, password")
    handed = Handed(files={name: (EXAMPLES / name).read_text(), "desk.yaml": part})
    await apply_files(place, ADA, handed, expected=(await plan_files(place, ADA, handed)).digest)
    asked: list[str] = []
    running = msgspec.structs.replace(place, begin_again=lambda: asked.append("again"))
    (stand.folder / name).write_text("connector: brambledesk\n")
    with pytest.raises(ConfigurationInvalid):
        await take_up(running, ADA)
    assert asked == []
    (stand.folder / name).write_text(handed.files[name])
    await take_up(running, ADA)
    assert asked == ["again"]


async def test_a_setting_that_is_another_is_not_worked_by_yet(stand: Shelf) -> None:
    """A token that was taken out of the file works until the gateway begins again; nobody may be told otherwise."""
    asked: list[str] = []
    before = stand.place
    place = msgspec.structs.replace(
        before, begun_with=digest(document(before.config), settings=True), begin_again=lambda: asked.append("again")
    )
    assert (await configuration(place, ADA)).taken_up
    text = stand.file.read_text().replace("roles: [admin]", "roles: [viewer]")
    handed = Handed(files={"lockstep.yaml": text})
    placed = await apply_files(place, ADA, handed, expected=(await plan_files(place, ADA, handed)).digest)
    assert not placed.taken_up and not (await configuration(place, ADA)).taken_up
    await take_up(place, ADA)
    assert asked == ["again"]
