"""Working lanes as the dispatcher does it: the connection's gate is asked first."""

from __future__ import annotations

from tests.support.gateway import Bench


async def work(gateway: Bench, *, turns: int = 20) -> None:
    """Works what is due now and admitted now; time does not move."""
    for _ in range(turns):
        due = [lane for lane in await gateway.lanes() if gateway._due(lane)]
        worked = False
        for lane in due:
            runner = gateway.runners[lane.connection]
            if runner.gate.admits():
                worked = True
                await runner.run(lane.record)
                runner.gate.released()
        if not worked:
            return
