"""A run of pytest whose real parts were skipped must not be green where everything has to be present."""

from __future__ import annotations

import pytest

SKIPPED = """
    import pytest

    @pytest.fixture
    def kafka():
        pytest.skip("no broker here")

    def test_needs_a_broker(kafka):
        raise AssertionError("not reached")

    def test_needs_nothing():
        pass
"""

PRESENT = SKIPPED.replace('pytest.skip("no broker here")', "return None").replace(
    'raise AssertionError("not reached")', "assert kafka is None"
)


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("CI", "LOCKSTEP_REQUIRE_REAL"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini(
        "[pytest]\nasyncio_default_fixture_loop_scope = function\n"
        "markers =\n postgres: p\n kafka: k\n chromium: c\n rsyslog: r\n"
    )
    return pytester


def run(inner: pytest.Pytester, *args: str) -> pytest.RunResult:
    return inner.runpytest_inprocess("-p", "tests.support.guard", "-p", "no:cacheprovider", *args)


def test_a_skip_is_fine_on_a_persons_machine(inner: pytest.Pytester) -> None:
    inner.makepyfile(SKIPPED)
    assert run(inner).ret == pytest.ExitCode.OK


@pytest.mark.parametrize("variable", ["CI", "LOCKSTEP_REQUIRE_REAL"])
def test_a_skip_fails_where_everything_has_to_be_present(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "true")
    inner.makepyfile(SKIPPED)
    result = run(inner)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["error: 1 test(s) of the real part 'kafka' were skipped, *test_needs_a_broker first"])


def test_a_run_with_the_part_present_passes(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(PRESENT)
    result = run(inner, "--must-run", "kafka")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["tests against real parts: kafka 1"])


def test_a_part_that_no_test_used_fails_the_run_that_demands_it(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_needs_nothing(): pass")
    result = run(inner, "--must-run", "postgres")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["error: no test of the real part 'postgres' ran"])


def test_the_guard_sees_the_skips_of_workers(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # In xdist's workers the keywords of a report travel as data: a guard that looked at items would see nothing.
    monkeypatch.setenv("CI", "true")
    inner.makepyfile(SKIPPED)
    result = run(inner, "-p", "xdist", "-n", "1")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*real part 'kafka' were skipped*"])
