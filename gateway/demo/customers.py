"""An act of the story: a customer's case in Salesforce becomes an incident, and the answer goes back."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.demo.desks import JiraDesk, ServiceNowDesk
from gateway.demo.offices import SalesforceDesk
from gateway.demo.scene import Scene
from gateway.demo.stand_ins import CRM, JIRA, SNOW


@dataclass(frozen=True, slots=True)
class Customers:
    """Three desks work on one thing: support in Salesforce, operations in ServiceNow, engineers in Jira."""

    scene: Scene
    crm: SalesforceDesk
    snow: ServiceNowDesk
    jira: JiraDesk

    async def call(self) -> None:
        """Told once. Raises NotMade if a system stays away."""
        scene = self.scene
        scene.chapter("A customer's case in Salesforce becomes an incident; the answer goes back")
        began_s = scene.talk.elapsed_s
        reference = await scene.made(self._open)
        if not await scene.tell_when(
            lambda: {SNOW, JIRA} <= set(scene.watch.where(reference)),
            lambda: f"{scene.key(SNOW, reference)} in ServiceNow, {scene.key(JIRA, reference)} in Jira",
            began_s,
        ):
            return
        await scene.made(lambda: self._answer(reference))
        case = scene.key(CRM, reference)
        await scene.tell_when(
            lambda: any(entry.comment for entry in scene.writes(CRM, reference)),
            lambda: f"case {case} shows the answer",
        )
        await scene.made(lambda: self._resolve(reference))
        await scene.tell_when(
            lambda: scene.shows(CRM, reference, "Closed") and scene.shows(JIRA, reference, "Done"),
            lambda: f"case {case} is closed, {scene.key(JIRA, reference)} is done",
        )
        scene.talk.look(f"lockstep record show {CRM} {case}")

    async def _open(self) -> str:
        reference = self.scene.words.reference()
        subject = self.scene.words.text("Invoices are not sent", reference, "bob")
        await self.crm.open_case("bob", subject, "None since the first of the month.")
        await self.scene.seen(lambda: CRM in self.scene.watch.where(reference))
        self.scene.talk.line(f'bob opens case {self.scene.key(CRM, reference)} in Salesforce: "{subject}"')
        return reference

    async def _answer(self, reference: str) -> None:
        text = self.scene.words.text("The queue was full, they go out now", reference, "dev")
        await self.jira.comment("dev", self.scene.watch.where(reference)[JIRA], text)
        self.scene.talk.line(f"dev answers on {self.scene.key(JIRA, reference)} in Jira")

    async def _resolve(self, reference: str) -> None:
        note = self.scene.words.text("All sent", reference, "ann")
        await self.snow.resolve("ann", self.scene.watch.where(reference)[SNOW], note)
        self.scene.talk.line(f"ann resolves {self.scene.key(SNOW, reference)} in ServiceNow")
