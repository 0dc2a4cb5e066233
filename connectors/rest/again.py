"""Quick retries of a read inside one call. The first attempt is plain; tenacity comes in only once something failed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from connectors.contract.clock import Clock
from connectors.contract.errors import DeliveryError, Retryable
from connectors.rest.answer import Answer

MORE_TRIES = 2
LONGEST_WAIT_S = 0.4
Attempt = Callable[[], Awaitable[Answer]]
Sleep = Callable[[float], Awaitable[None]]


async def again(attempt: Attempt, error: DeliveryError, *, deadline: float, clock: Clock, sleep: Sleep) -> Answer:
    """Up to two more tries of a failed read, while `deadline` (monotonic) is ahead; else raises the last error.

    Only what a moment may mend is tried: not a wish for time (Retry-After), not a refusal.
    """
    first = iter([error])

    async def tried() -> Answer:
        for failed in first:  # the plain attempt, already made, counts as the first
            raise failed
        return await attempt()

    def enough(state: RetryCallState) -> bool:
        return state.attempt_number > MORE_TRIES or clock.monotonic() + LONGEST_WAIT_S >= deadline

    wait = wait_random_exponential(multiplier=0.05, max=LONGEST_WAIT_S)
    retrying = AsyncRetrying(retry=retry_if_exception(_momentary), stop=enough, wait=wait, sleep=sleep, reraise=True)
    return await retrying(tried)


def _momentary(error: BaseException) -> bool:
    return isinstance(error, Retryable) and error.retry_after_s is None
