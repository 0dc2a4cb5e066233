"""An act of the story: BambooHR says who starts and who leaves; Salesforce knows them, and Jira has the tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.demo.flows import DUE, TASKS
from gateway.demo.offices import BambooHrDesk, SalesforceDesk
from gateway.demo.records import texts
from gateway.demo.scene import Scene
from gateway.demo.stand_ins import CRM, HR, JIRA, StandIn

_FIRST, _LAST = "Kim", "Lee"


@dataclass(frozen=True, slots=True)
class Staff:
    """The people who work here."""

    scene: Scene
    hr: BambooHrDesk
    crm: SalesforceDesk
    back_door: StandIn
    """Of BambooHR: to lose a webhook on purpose."""

    async def come_and_go(self) -> None:
        """Told once. Raises NotMade if a system stays away."""
        scene = self.scene
        scene.chapter("BambooHR says who starts and who leaves; Salesforce and Jira follow")
        began_s = scene.talk.elapsed_s
        reference = await scene.made(self._hire)
        if not await scene.tell_when(
            lambda: CRM in scene.watch.where(reference) and self._are_made(reference, DUE[True]),
            lambda: f"contact {scene.key(CRM, reference)} in Salesforce, {self._tasks(reference, DUE[True])} in Jira",
            began_s,
        ):
            return
        await scene.made(lambda: self._correct(reference))
        await scene.tell_when(lambda: any(scene.writes(HR, reference)), lambda: "BambooHR has it")
        await self.back_door.lose_webhooks(1)
        await scene.made(lambda: self._leave(reference))
        await scene.tell_when(
            lambda: self._are_made(reference, DUE[False]),
            lambda: f"its changes feed told: {self._tasks(reference, DUE[False])} in Jira",
        )
        scene.talk.look(f"lockstep record why {HR} {scene.watch.where(reference)[HR]}")

    async def _hire(self) -> str:
        reference = self.scene.words.reference()
        title = self.scene.words.text("Engineer", reference, "cara")
        await self.hr.hire("cara", _FIRST, _LAST, title)
        await self.scene.seen(lambda: HR in self.scene.watch.where(reference))
        self.scene.talk.line(f'cara hires {_FIRST} {_LAST} in BambooHR as "{title}"')
        return reference

    async def _correct(self, reference: str) -> None:
        await self.crm.phone("bob", self.scene.watch.where(reference)[CRM], "+1 555 0100")
        self.scene.talk.line(f"bob enters {_FIRST}'s telephone number in Salesforce")

    async def _leave(self, reference: str) -> None:
        today = datetime.now(UTC).date().isoformat()
        await self.hr.end("cara", self.scene.watch.where(reference)[HR], today)
        self.scene.talk.line(f"{_FIRST} leaves today, says BambooHR, and the webhook that tells it gets lost")

    def _made(self, reference: str) -> dict[str, str]:
        """First words of a task's summary -> its key."""
        made = (entry for entry in self.scene.watch.entries[JIRA] if entry.kind == "create")
        mine = (entry for entry in made if TASKS.holds(entry.object, entry.key) and not entry.by_human)
        return {
            text.partition(":")[0]: entry.key
            for entry in mine
            for text in (str(entry.after.get("fields", {}).get("summary", "")),)
            if any(reference in said for said in texts(entry.after))
        }

    def _are_made(self, reference: str, words: Iterable[str]) -> bool:
        return set(words) <= set(self._made(reference))

    def _tasks(self, reference: str, words: Iterable[str]) -> str:
        made = self._made(reference)
        return " and ".join(f'{made[each]} "{each}"' for each in words)
