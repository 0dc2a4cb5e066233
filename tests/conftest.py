"""What every test may use: real parts, found or skipped, and the guard that keeps skips out of CI."""

from __future__ import annotations

import gc
import os
import signal

import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from gateway.audit.keys import VARIABLE

# A run that a shell started in the background inherits an ignored SIGINT, and so would every process that a test starts
# and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What tests share a database with signs as they do: gateways of theirs in this process, and processes that they start.
os.environ.setdefault(VARIABLE, "dGVzdHMgc2lnbiB3aXRoIHRoaXMga2V5LCBhbGwgMzI=")

# The library's own choice for errors is a coloured page with every local value, which can take ten seconds to write.
structlog.configure(
    processors=[*structlog.get_config()["processors"][:-1], ConsoleRenderer(exception_formatter=plain_traceback)]
)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: the collector need not look through it after every test."""
    gc.collect()
    gc.freeze()


pytest_plugins = [
    "pytester",
    *("tests.support.groups", "tests.support.guard", "tests.support.kafka", "tests.support.postgres"),
]
