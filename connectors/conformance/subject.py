"""What is tested: a connector by name, its folder, and the fixtures that stand in the `conformance.py` beside it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import msgspec

from connectors import grades, registry
from connectors.conformance.ground import Make
from connectors.contract.clock import Clock
from connectors.contract.connector import ConnectionSettings, Connector
from connectors.contract.errors import ConfigError
from connectors.contract.fixture import Fixture
from connectors.contract.furnished import AccessFixture

FILE = "conformance.py"


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One connector to be measured."""

    name: str
    """As `connector:` of a connection says it."""
    factory: registry.Factory
    fixtures: tuple[Fixture, ...]
    access: AccessFixture | None = None
    """How it is seen to end access; None: it does not."""
    quality: Path | None = None
    """Where its quality.yaml belongs."""

    def maker(self, clock: Clock) -> Make:
        """Makes connectors from settings."""

        def make(settings: ConnectionSettings) -> Connector:
            return self.factory(settings, clock=clock)

        return make


def subject(connector: str) -> Subject:
    """Finds a connector and its fixtures. Raises ConfigError where one of both is missing."""
    factory = registry.factory(connector, connector)
    return Subject(
        name=connector,
        factory=factory,
        fixtures=_fixtures(connector),
        access=_access(connector),
        quality=grades.beside(connector, grades.FILE),
    )


def with_fixtures() -> list[str]:
    """Names of all connectors that have fixtures."""
    return [name for name in registry.names() if _file(name) is not None]


def _access(connector: str) -> AccessFixture | None:
    file = _file(connector)
    found: AccessFixture | None = getattr(_module(connector, file), "ACCESS", None) if file is not None else None
    return found


def _fixtures(connector: str) -> tuple[Fixture, ...]:
    file = _file(connector)
    if file is None:
        problem = (
            f"connector {connector}: error[fixture]: there is no {FILE} beside it, so the kit does not know what a "
            "recognisable write looks like; try docs/how-to/test-a-connector.md"
        )
        raise ConfigError([problem])
    try:
        module = _module(connector, file)
    except Exception as error:
        problem = f"connector {connector}: error[fixture]: {file} cannot be loaded ({type(error).__name__}: {error})"
        raise ConfigError([f"{problem}; try docs/how-to/test-a-connector.md"]) from error
    found: Sequence[Fixture] = getattr(module, "FIXTURES", ())
    if not found:
        problem = f"connector {connector}: error[fixture]: {file} has no FIXTURES; try FIXTURES = (Fixture(...),)"
        raise ConfigError([problem])
    return tuple(found)


def _file(connector: str) -> Path | None:
    file = grades.beside(connector, FILE)
    return file if file is not None and file.is_file() else None


def _module(connector: str, file: Path) -> ModuleType:
    path = grades.whereabouts(connector)
    if ":" in path:
        return import_module(f"{path.partition(':')[0].rpartition('.')[0]}.conformance")
    spec = spec_from_file_location(f"lockstep_conformance_{file.stem.replace('.', '_')}", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
