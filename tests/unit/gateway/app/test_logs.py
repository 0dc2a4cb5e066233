"""What libraries say in our log: defects, but not what a stranger sent to the port."""

from __future__ import annotations

import logging

import pytest
from aiohttp.http_exceptions import LineTooLong

from gateway.app.logs import is_ours_to_hear


@pytest.mark.parametrize(("error", "heard"), [(LineTooLong(b"x", 8190), False), (RuntimeError("a defect"), True)])
def test_a_request_that_is_no_http_leaves_no_traceback(error: Exception, heard: bool) -> None:
    told = (type(error), error, None)
    record = logging.LogRecord("aiohttp.server", logging.ERROR, __file__, 1, "Error handling request", (), told)
    assert is_ours_to_hear(record) is heard
