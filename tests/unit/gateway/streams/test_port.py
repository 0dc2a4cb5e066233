"""What is no stream URL is refused with a sentence that tells what is."""

from __future__ import annotations

import pytest

from connectors.contract.clock import SystemClock
from connectors.contract.errors import ConfigError, Disposition, disposition
from gateway.streams.port import EntryTooLarge, open_stream


@pytest.mark.parametrize(
    "url", ["sqlite://relative.db", "sqlite:///relative.db", "kafka://", "memory://", "", "kafka://h/x"]
)
def test_a_wrong_url_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match=r"sqlite:////absolute/file\.db"):
        open_stream(url, name="changes", partitions=1, clock=SystemClock())


def test_the_handler_is_set_once() -> None:
    async def handler(values: object) -> None:
        pass

    stream = open_stream("sqlite:////tmp/never-opened.db", name="changes", partitions=1, clock=SystemClock())
    stream.consume(handler)
    with pytest.raises(RuntimeError):
        stream.consume(handler)
    assert not stream.health().ready


def test_a_value_too_large_is_refused_input() -> None:
    error = EntryTooLarge(5)
    assert error.status == 413
    assert disposition(error) is Disposition.REJECT_INPUT
