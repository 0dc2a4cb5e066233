"""What could happen next in a schedule, with weights."""

from __future__ import annotations

from gateway.sync.state import LaneState
from tests.promises.story import Op, Story

UNDER_FIRE = ("down", "lost5xx", "never5xx", "conflict", "credentials", "throttled30", "throttled3000")
"""What else a write may be answered."""

SLOWLY = 0.1
"""Where workers are rivals, how much more seldom the first one's writes go on: decisions are made meanwhile."""

HURRY = 10.0
"""How much more often lanes go on that are to overtake a request."""


class Chances:
    """Looks at a story and lists its possible next operations."""

    def __init__(self, told: Story) -> None:
        self.told = told

    async def enabled(self) -> list[tuple[float, Op]]:
        """Everything that could happen now, with weights."""
        out: list[tuple[float, Op]] = []
        out += self._people()
        out += self._network()
        out += await self._lanes()
        rivals = "rivals" in self.told.setting.feats
        for key, task in self.told.tasks.items():
            if task in self.told.pace.waiting:
                where = self.told.pace.waiting[task][0]
                slow = SLOWLY if rivals and key[2] == "one" and where in ("send", "apply") else 1
                out += [(weight * slow, ("go", *key, verdict)) for weight, verdict in self._verdicts(where)]
                if "workers" in self.told.setting.feats and key[2] == "one" and not rivals:
                    out.append((1, ("steal", *key[:2])))
        out += self._rivals() + self._landings()
        if self.told.troubles is not None:
            out += self.told.troubles.chances()
        out.append((1, ("crash",)))
        out.append((1, ("wait",)))
        for case in await self.told.view.cases() if await self._somebody_waits() else ():
            out += [
                (1, ("operator", case.connection, str(case.cls), verb))
                for verb in ("retry", "discard", "resolve", "declare_applied")
            ]
        return self._hurried(out)

    def _hurried(self, out: list[tuple[float, Op]]) -> list[tuple[float, Op]]:
        """Where requests are to be overtaken, lanes go on while one is under way; so does the second of two rivals."""
        feats = self.told.setting.feats
        if "rivals" in feats:
            return [(weight * (HURRY if "two" in op and op[-1] == "ok" else 1), op) for weight, op in out]
        if "overtaken" not in feats or not any(system.landing for system in self.told.systems.values()):
            return out
        return [(weight * (HURRY if op[0] == "begin" or op[-1] == "ok" else 1), op) for weight, op in out]

    async def _somebody_waits(self) -> bool:
        if any(lane.state is LaneState.PARKED or lane.looks for lane in await self.told.view.lanes()):
            return True
        return any(
            shadow.held
            for record in await self.told.view.records()
            for member in record.members.values()
            for shadow in member.shadow.values()
        )

    def _people(self) -> list[tuple[float, Op]]:
        out: list[tuple[float, Op]] = []
        for name, system in self.told.systems.items():
            likely = self._likely(name)
            for thing in system.things.values():
                if len(self.told.truth.edits) < self.told.setting.edits and thing.exists:
                    for each in self.told.setting.fields:
                        out += [
                            (2 * likely, ("edit", name, thing.id, each, "new")),
                            (likely, ("edit", name, thing.id, each, "back")),
                        ]
                out.append((1, ("poll", name, thing.id)))
                if "comments" in self.told.setting.feats and self.told.truth.comments < 2:
                    out.append((2, ("comment", name, thing.id)))
                if "leave" in self.told.setting.feats and not self.told.truth.departed:
                    out += [(1, ("leave", name, thing.id))]
            if "create" in self.told.setting.feats and not self.told.truth.departed and not system.things:
                out.append((2, ("create", name)))
        return out

    def _likely(self, name: str) -> int:
        """How likely people edit here now. Hasty ones do it between the read and the end of a write."""
        if "hasty" not in self.told.setting.feats:
            return 2
        stops = [self.told.pace.waiting.get(task, ("",))[0] for key, task in self.told.tasks.items() if key[1] == name]
        if any(stop in ("read done", "apply") for stop in stops):
            return 12
        return 0 if self.told.truth.edits else 2

    def _network(self) -> list[tuple[float, Op]]:
        out: list[tuple[float, Op]] = []
        for change in self.told.network[:6]:
            key = f"{change.connection}/{change.delivery_key}"
            out += [(4, ("hook", key)), (1, ("twice", key))]
            if self.told.setting.lose:
                out.append((1, ("lose", key)))
        if len(self.told.network) > 2:
            out.append((2, ("flood",)))
        return out

    async def _lanes(self) -> list[tuple[float, Op]]:
        order = await self.told.view.order()
        starts: list[tuple[float, Op]] = [
            (12 if lane.state is LaneState.UNKNOWN else 8, ("begin", order[lane.record], lane.connection, "one"))
            for lane in await self.told.view.lanes()
            if lane.has_work and not any(key[:2] == (order[lane.record], lane.connection) for key in self.told.tasks)
        ]
        if self.told.troubles is None:
            return starts
        return [(weight, op) for weight, op in starts if self.told.troubles.may_begin(op[2], "one")]

    def _rivals(self) -> list[tuple[float, Op]]:
        """Two workers read the same head of the queue, and the second one tries for a lane that the first one has."""
        if "rivals" not in self.told.setting.feats:
            return []
        return [
            (6, ("begin", *key[:2], "two"))
            for key in self.told.tasks
            if key[2] == "one" and (*key[:2], "two") not in self.told.tasks
        ]

    def _landings(self) -> list[tuple[float, Op]]:
        """Requests that nobody waits for any more; where they are to be `overtaken`, seldom before they are."""
        late = [name for name, system in self.told.systems.items() if system.landing]
        if "overtaken" not in self.told.setting.feats:
            return [(1, ("land", name)) for name in late]
        return [(12 if self._overtaken(name) else 0.1, ("land", name)) for name in late]

    def _overtaken(self, name: str) -> bool:
        """The next request to land was sent anew meanwhile, and what stands there now is newer still."""
        system = self.told.systems[name]
        write = system.landing[0][1]
        if write.ref is None:
            return False
        sent, shown = self.told.truth.attempts[write.operation].fields, system.things[write.ref.id].raw
        return any(
            each.fver is not None
            and self.told.truth.applied.get((write.ref.id, field), (0, False))[0] >= each.fver
            and shown.get(field) != each.ext
            for field, each in sent.items()
        )

    def _verdicts(self, where: str) -> list[tuple[int, str]]:
        fire = self.told.troubles is not None
        if where == "read":
            return [(12, "ok"), (1, "down"), *([(1, "retry"), (1, "throttled30")] if fire else [])]
        if where != "apply":
            return [(12, "ok")]
        found = [(12, "ok"), (1, "lost"), (1, "never"), (1, "retry"), (1, "throttled")]
        most = 1 if "overtaken" in self.told.setting.feats else 2
        if "late" in self.told.setting.feats and sum(len(s.landing) for s in self.told.systems.values()) < most:
            found.append((12, "late"))
        if "refuse" in self.told.setting.feats:
            found.append((1, "refused"))
        if fire:
            found += [(1, each) for each in UNDER_FIRE]
        return found
