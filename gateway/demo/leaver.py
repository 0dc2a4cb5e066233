"""An act of the story: somebody who has something in five systems leaves, while one of them is down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.demo.clerks import Clerks, Holding
from gateway.demo.configuration import USUAL_S
from gateway.demo.departed import Certified, Departed, Held
from gateway.demo.desks import Api, NotMade
from gateway.demo.home import Home
from gateway.demo.offices import BambooHrDesk
from gateway.demo.post import Letter, Post
from gateway.demo.scene import PATIENCE_S, Scene
from gateway.demo.service import Service
from gateway.demo.stand_ins import DIR, HR, JIRA, NAMES, SNOW, StandIn
from gateway.offboarding.certificate import as_file, read

WHO, COLLEAGUE = "ivy", "bob"
_NAME = "Ivy Irving"
DOWN_S = 5.0
"""How long a system is away when she leaves."""
SPREAD = {SNOW: 5, JIRA: 3}
"""So much of her work there is when what began in Salesforce and GitHub has come to these two as well."""
_LOOK_S = 0.5
_BY_HAND, _NOTE = "by hand", "switched off at admin.atlassian.com, as the ticket of today says"


@dataclass(frozen=True, slots=True)
class Patient:
    """An API that is asked again while the system is away: who runs it does not give up."""

    api: Api

    async def call(self, who: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answered. Raises NotMade for a refusal, and if the system stays away."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self.api.call(who, method, path, body)
            except NotMade as refused:
                if (refused.status is not None and refused.status < 500) or time.monotonic() > end:
                    raise
            await asyncio.sleep(_LOOK_S)


@dataclass(slots=True)
class Leaver:
    """Ivy, whom Bob manages. `down`: what is away when she leaves."""

    scene: Scene
    clerks: Clerks
    hr: BambooHrDesk
    down: StandIn
    service: Service
    post: Post
    home: Home
    leaves: asyncio.Event
    """Set when her employment has ended."""
    gone_already: bool = False
    """She left in an earlier run on this database."""
    number: int | None = None
    """Of her departure, once the gateway has one."""
    _here: asyncio.Event = field(default_factory=asyncio.Event)
    _employee: str = ""
    _settled_at: str = ""
    _began: float = 0.0
    _before: Held = field(default_factory=dict)
    _had: Held = field(default_factory=dict)
    _gone_after_s: dict[str, float] = field(default_factory=dict)

    async def settle_in(self) -> None:
        """Behind the scenes, while the first acts are played: she is hired, and gets something of everything."""
        if self.gone_already:
            return
        try:
            boss = await self._hired("Bob", "Baker", "Head of payroll", COLLEAGUE)
            self._employee = await self._hired("Ivy", "Irving", "Payroll", WHO, supervisorEId=boss)
            for clerk in self.clerks.all.values():
                reference = self.scene.words.reference()
                await clerk.give(WHO, COLLEAGUE, self.scene.words.text("Salaries of June", reference, WHO))
        except NotMade as error:
            self.scene.talk.line(f"{_NAME} could not be given what she is to lose ({error})")
            return
        await self._spread()
        self._settled_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._here.set()

    async def _hired(self, first: str, last: str, title: str, who: str, **more: str) -> str:
        """Until there is an account in the directory; gives the number."""
        scene, reference = self.scene, self.scene.words.reference()
        text = scene.words.text(title, reference, "cara")
        known = {"workEmail": f"{who}@example.com", "hireDate": "2020-01-01"}
        await scene.made(lambda: self.hr.hire("cara", first, last, text, **known, **more))
        if not await scene.watch.until(lambda: {HR, DIR} <= set(scene.watch.where(reference)), PATIENCE_S):
            raise NotMade(f"{first} has no account in the directory within {PATIENCE_S:g} s")
        return scene.watch.where(reference)[HR]

    async def _spread(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            held = {name: await self.clerks.all[name].has(WHO) for name in SPREAD}
            if all(len(held[name].work) >= count for name, count in SPREAD.items()):
                return
            await asyncio.sleep(_LOOK_S)

    async def leave(self) -> None:
        """Told once. Raises NotMade if a system stays away."""
        talk = self.scene.talk
        away = NAMES[self.down.connection]
        self.scene.chapter(f"Somebody leaves who has something everywhere, while {away} is down")
        if self.gone_already:
            talk.line(f"{_NAME} left in an earlier run on this database, and stays gone: nobody leaves this time")
            return
        try:
            await asyncio.wait_for(self._here.wait(), 2 * PATIENCE_S)
        except TimeoutError:
            talk.line(f"{_NAME} has not got it yet; the story goes on without her")
            return
        self._before, self._had = await self.clerks.has(WHO), await self.clerks.has(COLLEAGUE)
        rights, work = (sum(len(getattr(held, what)) for held in self._before.values()) for what in ("rights", "work"))
        systems = ", ".join(NAMES[name] for name in self._before)
        talk.line(f"{_NAME} has accounts in {systems}; {rights} groups, roles and permissions; {work} pieces of work")
        await self.down.go_down(DOWN_S)
        day = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
        await self.scene.made(lambda: self.hr.end("cara", self._employee, day))
        self._began = time.monotonic()
        self.leaves.set()
        talk.line(f"{away} is down for {DOWN_S:g} s; cara enters in BambooHR that Ivy's last day was {day}")
        try:
            async with asyncio.TaskGroup() as looking:
                for name in self._before:
                    looking.create_task(self._gone(name))
                looking.create_task(self._by_hand())
        except* NotMade as several:
            talk.line(f"the story goes on without the rest of it ({several.exceptions[0]})")
        if self.number is not None:
            talk.look(f"lockstep leaver show LV-{self.number}")

    async def _gone(self, name: str) -> None:
        """Asks one system until it shows nothing of hers."""
        while time.monotonic() - self._began < USUAL_S + DOWN_S:
            if (await self.clerks.all[name].has(WHO)).nothing:
                self._gone_after_s[name] = time.monotonic() - self._began
                had = self._before[name]
                told = f"{NAMES[name]} says, {self._gone_after_s[name]:.1f} s later: her account is off, "
                told += f"{_several(len(had.rights), 'right')} gone"
                told += f"; {COLLEAGUE} has {_several(len(had.work), 'piece')} of work more" if had.work else ""
                self.scene.talk.line(told)
                return
            await asyncio.sleep(_LOOK_S)

    async def _by_hand(self) -> None:
        """Switches the account in Jira off, as the gateway's instruction asks, and says so."""
        said = ""
        while time.monotonic() - self._began < USUAL_S:
            found = await self.departure()
            step = next((each for each in found["steps"] if each["state"] == _BY_HAND), None) if found else None
            if found and said and step is None:
                self.scene.talk.line("somebody does, and says so; the gateway was killed over it, and has it")
                return
            if found and step:
                said = step["id"]
                if JIRA in self._before and (await self.clerks.jira.has(WHO)).on:
                    await self.clerks.jira.switch_off(WHO)
                    self.scene.talk.line(f"no program may switch her account in Jira off: {step['instruction']}")
                if await self._said(found["leaver"], step["id"]):
                    self.scene.talk.line("somebody does, and says so, with a note that stands in the certificate")
                    return
            await asyncio.sleep(_LOOK_S)

    async def _said(self, leaver: Mapping[str, Any], step: str) -> bool:
        """Whether it was taken: somebody may have changed the departure meanwhile."""
        path = f"/v1/leavers/{leaver['number']}:done"
        try:
            await self.service.ask("POST", path, {"step": step, "note": _NOTE}, version=leaver["version"])
        except NotMade as refused:
            if refused.status in (409, 412):
                return False
            raise
        return True

    async def departure(self) -> Any:
        """As the gateway tells it; None before it has one."""
        if self.number is None:
            rows = (await self.service.ask("GET", "/v1/leavers?over=true"))["items"]
            self.number = next((each["number"] for each in rows if each["name"] == _NAME), None)
        return None if self.number is None else await self.service.ask("GET", f"/v1/leavers/{self.number}")

    async def _closed(self) -> None:
        """Waits until it was looked at again for the last time."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            found = await self.departure()
            if found and found["leaver"]["state"] == "closed":
                checks = max(each["checks"] for each in found["steps"])
                told = (
                    f"the gateway has read everything back, and looked {checks} times more: LV-{self.number} is closed"
                )
                self.scene.talk.line(told)
                return
            await asyncio.sleep(_LOOK_S)
        self.scene.talk.line(f"not closed within {PATIENCE_S:g} s; the story goes on")

    async def stay_gone(self) -> None:
        """What could bring her back. Raises NotMade if a system stays away."""
        if self.number is None:
            return
        self.scene.chapter("Late webhooks and a replay do not bring her back")
        answers = await self.post.again(_names_her)
        told = ", ".join(f"{count} times {status}" for status, count in sorted(answers.items()))
        self.scene.talk.line(f"every webhook that named her comes once more, much too late, and is answered {told}")
        await self.scene.made(lambda: self.hr.correct("cara", self._employee, "+1 555 0199"))
        self.scene.talk.line("cara corrects Ivy's telephone number in BambooHR")
        until = {"connection": SNOW, "until": self._settled_at}
        await asyncio.gather(
            self._replay({"connection": HR}, "all that BambooHR ever told"),
            self._replay(until, "all that ServiceNow told until she had her work"),
        )
        await self._closed()

    async def _replay(self, narrowed: Mapping[str, str], what: str) -> None:
        """What was accepted then is decided anew."""
        pinned = await self.service.ask("POST", "/v1/selections", {"source": "journal", **narrowed})
        begun = await self.service.ask("POST", "/v1/replay-plans", {"selection": pinned["selection"]})
        await self._over(begun["id"])
        plan = await self.service.ask("GET", f"/v1/replay-plans/{begun['id']}")
        totals = ", ".join(f"{count} {name}" for name, count in plan["totals"].items() if count)
        try:
            run = await self.service.ask("POST", "/v1/replay-runs", {"plan": plan["plan"], "digest": plan["digest"]})
        except NotMade as refused:
            if refused.status != 409:
                raise
            self.scene.talk.line(f"a replay of {what} would send nothing: {totals}")
            return
        await self._over(run["run"])
        self.scene.talk.line(f"{what} is replayed: {totals}")

    async def _over(self, operation: str) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if (await self.service.ask("GET", f"/v1/operations/{operation}"))["over"]:
                return
            await asyncio.sleep(_LOOK_S)

    async def certify(self) -> Certified | None:
        """Has the gateway sign how it ended, keeps that as a file, and reads the file as others do."""
        if self.number is None:
            return None
        try:
            told = await self.service.ask("GET", f"/v1/leavers/{self.number}/certificate")
        except NotMade as refused:
            self.scene.talk.line(f"there is no certificate ({refused})")
            return None
        file = self.home.path / f"certificate-LV-{self.number}.json"
        file.write_bytes(as_file(told))
        found = read(file.read_bytes())
        ours = found.fingerprint == self.home.fingerprint
        return Certified(str(file), found.signed and ours, found.problems, found.fingerprint)

    async def departed(self, certified: Certified | None) -> Departed | None:
        """What the systems say at the end. None: she never left."""
        if not self._began:
            return None
        after: dict[str, Holding] = await self.clerks.has(WHO)
        has = await self.clerks.has(COLLEAGUE)
        gone, down = dict(self._gone_after_s), str(self.down.connection)
        return Departed(
            WHO, COLLEAGUE, self._before, after, self._had, has, gone, USUAL_S, f"{down}:{DOWN_S:g}s", certified
        )


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _names_her(letter: Letter) -> bool:
    return letter.path.endswith(f"/{HR}") or WHO.encode() in letter.body.lower()
