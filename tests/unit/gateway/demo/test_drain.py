"""The drain against a clock that only the test moves."""

from __future__ import annotations

from gateway.demo.drain import CALM_S, EVERY_S, LONG_CALM_S, drain


class Night:
    """A gateway that has work until `busy_until`, logs that move until `news_until`, systems that agree or not."""

    def __init__(self, *, busy_until: float = 0.0, news_until: float = 0.0, agrees_at: float = 0.0) -> None:
        self.now = 0.0
        self.busy_until, self.news_until, self.agrees_at = busy_until, news_until, agrees_at

    async def idle(self) -> bool:
        return self.now >= self.busy_until

    def last_news_at(self) -> float:
        return min(self.now, self.news_until)

    async def agree(self) -> bool:
        return self.now >= self.agrees_at

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    async def drains(self, at_most_s: float = 60.0) -> bool:
        return await drain(
            at_most_s=at_most_s,
            idle=self.idle,
            last_news_at=self.last_news_at,
            agree=self.agree,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


async def test_quiet_and_agreed_is_enough() -> None:
    night = Night()
    assert await night.drains()
    assert CALM_S <= night.now < CALM_S + 1


async def test_it_waits_for_the_gateway() -> None:
    night = Night(busy_until=20.0)
    assert await night.drains()
    assert 20.0 + CALM_S - EVERY_S <= night.now < 20.0 + CALM_S + 1


async def test_it_waits_for_the_logs() -> None:
    night = Night(news_until=7.0)
    assert await night.drains()
    assert 7.0 + CALM_S <= night.now < 7.0 + CALM_S + 1


async def test_it_waits_longer_while_the_systems_disagree() -> None:
    night = Night(agrees_at=1000.0)
    assert await night.drains()
    assert LONG_CALM_S <= night.now < LONG_CALM_S + 1


async def test_it_gives_up() -> None:
    night = Night(busy_until=1000.0)
    assert not await night.drains(at_most_s=30.0)
    assert 30.0 <= night.now < 31.0
