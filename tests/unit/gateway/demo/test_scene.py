"""What acts share: people who try again and numbered chapters; and a run is good only if everybody was there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gateway.demo import scene as module
from gateway.demo.desks import NotMade
from gateway.demo.editors import Words
from gateway.demo.run import Result
from gateway.demo.scene import Scene
from gateway.demo.talk import Talk
from gateway.demo.verdict import Sums, Verdict
from gateway.demo.watch import Watch


@pytest.fixture
def out() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def scene(out: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(module, "_AGAIN_S", 0.0)
    return Scene(Words("t"), Watch({}), Talk(out, colour=False))


def test_chapters_are_numbered_as_they_come(scene: Scene, out: io.StringIO) -> None:
    scene.chapter("A")
    scene.chapter("B")
    assert out.getvalue() == "\n1. A\n\n2. B\n"


async def test_somebody_whose_system_is_away_tries_again_with_new_words(scene: Scene) -> None:
    used: list[str] = []

    async def edit() -> str:
        used.append(scene.words.reference())
        if len(used) < 3:
            raise NotMade("away")
        return used[-1]

    assert await scene.made(edit) == "t-3"
    assert used == ["t-1", "t-2", "t-3"]


async def test_a_system_that_stays_away_ends_the_act(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", -1.0)

    async def edit() -> None:
        raise NotMade("away")

    with pytest.raises(NotMade):
        await scene.made(edit)


@pytest.mark.parametrize(("sums", "silent"), [(Sums(1, 1), []), (Sums(0, 3), ["GitHub"]), (Sums(3, 0), ["GitHub"])])
def test_a_run_in_which_a_system_was_silent_shows_nothing_of_it(sums: Sums, silent: list[str]) -> None:
    systems = {"Jira": Sums(5, 5), "GitHub": sums}
    result = Result(Verdict(records=4, in_step=4), systems, {}, Path("x"), kept=False)
    assert (result.silent, result.ok) == (silent, not silent)
