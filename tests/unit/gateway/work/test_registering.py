"""Planning and putting in place what somebody hands in who is no admin."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.access.rights import NotAllowed
from gateway.work.registering import Handed, apply_files, plan_files
from tests.support.running import ENVIRONMENT
from tests.support.versions import ADA, INES, Shelf, shelf

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
