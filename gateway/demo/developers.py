"""An act of the story: a developer's issue in GitHub is an incident for the others, and closing it resolves it."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.demo.desks import Desk
from gateway.demo.offices import GitHubDesk
from gateway.demo.scene import Scene
from gateway.demo.stand_ins import HUB, JIRA, SNOW

_RESOLVED = "6"
"""The code of ServiceNow's state Resolved."""


@dataclass(frozen=True, slots=True)
class Developers:
    """They work in GitHub; who answers the telephone works in ServiceNow."""

    scene: Scene
    hub: GitHubDesk
    snow: Desk

    async def mend(self) -> None:
        """Told once. Raises NotMade if a system stays away."""
        scene = self.scene
        scene.chapter("A developer closes an issue in GitHub; the incident is resolved")
        began_s = scene.talk.elapsed_s
        reference = await scene.made(self._open)
        if not await scene.tell_when(
            lambda: {SNOW, JIRA} <= set(scene.watch.where(reference)),
            lambda: f"{scene.key(SNOW, reference)} in ServiceNow, {scene.key(JIRA, reference)} in Jira",
            began_s,
        ):
            return
        await scene.made(lambda: self._ask(reference))
        issue = scene.key(HUB, reference)
        await scene.tell_when(
            lambda: any(entry.comment for entry in scene.writes(HUB, reference)),
            lambda: f"issue #{issue} shows the question",
        )
        await scene.think()
        await scene.made(lambda: self._close(reference))
        await scene.tell_when(
            lambda: scene.shows(SNOW, reference, _RESOLVED) and scene.shows(JIRA, reference, "Done"),
            lambda: f"{scene.key(SNOW, reference)} is resolved, {scene.key(JIRA, reference)} is done",
        )
        scene.talk.look(f"lockstep record why {HUB} {issue}")

    async def _open(self) -> str:
        reference = self.scene.words.reference()
        title = self.scene.words.text("Report export stops half way", reference, "dev")
        await self.hub.open_issue("dev", title, "Since the release of this morning.")
        await self.scene.seen(lambda: HUB in self.scene.watch.where(reference))
        self.scene.talk.line(f'dev opens issue #{self.scene.key(HUB, reference)} in GitHub: "{title}"')
        return reference

    async def _ask(self, reference: str) -> None:
        text = self.scene.words.text("Which report?", reference, "cara")
        await self.snow.comment("cara", self.scene.watch.where(reference)[SNOW], text)
        self.scene.talk.line(f"cara asks on {self.scene.key(SNOW, reference)} in ServiceNow")

    async def _close(self, reference: str) -> None:
        await self.hub.close("dev", self.scene.watch.where(reference)[HUB])
        self.scene.talk.line(f"dev closes issue #{self.scene.key(HUB, reference)} in GitHub")
