"""What every test may use: real parts, found or skipped, and the guard that keeps skips out of CI."""

from __future__ import annotations

import signal

# A run that a shell started in the background inherits an ignored SIGINT, and so would every process that a test starts
# and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["pytester", "tests.support.guard", "tests.support.kafka", "tests.support.postgres"]
