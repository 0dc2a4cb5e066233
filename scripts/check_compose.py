"""Checks docker-compose.yml and the Dockerfile where no container engine is at hand.

The Compose schema comes from the package check-jsonschema, which carries it; what a schema cannot say is checked by a
few rules of our own. hadolint reads the Dockerfile itself (`make check-deploy`).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from jsonschema.exceptions import best_match
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parents[1]
SERVICES = {"kafka", "postgres", "gateway"}
_COPY = re.compile(r"^COPY (?!--from)(?P<paths>.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{([A-Z_]+)")
Compose = dict[str, Any]


def compose_schema() -> dict[str, Any]:
    """The Compose specification's JSON Schema (draft 7)."""
    place = resources.files("check_jsonschema").joinpath("builtin_schemas", "vendor", "compose-spec.json")
    schema: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    return schema


def schema_problems(compose: Compose) -> list[str]:
    """What the specification objects to, with the place."""
    # Below "not valid under any of the given schemas" lies the sentence that helps.
    errors = [best_match([error]) for error in Draft7Validator(compose_schema()).iter_errors(compose)]
    return sorted(f"{'.'.join(map(str, error.absolute_path)) or 'top level'}: {error.message}" for error in errors)


def _sources(service: Compose) -> list[str]:
    return sorted({str(volume).split(":")[0] for volume in service.get("volumes", [])})


def _service_problems(name: str, service: Compose, compose: Compose, root: Path) -> Iterator[str]:
    dockerfile = (root / "Dockerfile").read_text(encoding="utf-8")
    if "healthcheck" not in service and not ("build" in service and "HEALTHCHECK" in dockerfile):
        yield f"{name}: no healthcheck"
    if "build" not in service and re.fullmatch(r"[^:]+(:latest)?", service.get("image", "")):
        yield f"{name}: the image is not pinned to a version"
    for other in sorted(set(service.get("depends_on", {})) - set(compose["services"])):
        yield f"{name}: depends on {other}, which does not exist"
    for source in _sources(service):
        if source.startswith("./") and not (root / source).is_file():
            yield f"{name}: mounts {source}, which does not exist"
        if not source.startswith((".", "/")) and source not in compose.get("volumes", {}):
            yield f"{name}: volume {source} is not declared"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"{name}: port {port} is open to every network"


def rule_problems(compose: Compose, root: Path) -> Iterator[str]:
    """What the schema cannot see: health, order of start, pins, volumes, what is open to the outside."""
    services: dict[str, Compose] = compose.get("services", {})
    for name in sorted(SERVICES - set(services)):
        yield f"service {name} is missing"
    for name, service in services.items():
        yield from _service_problems(name, service, compose, root)


def copied_paths(dockerfile: str) -> set[str]:
    """What the image is built from, as the Dockerfile names it."""
    return {path for match in _COPY.finditer(dockerfile) for path in match["paths"].split()[:-1]}


def dockerfile_problems(root: Path) -> Iterator[str]:
    """Paths that COPY names must exist and be let in by .dockerignore."""
    allowed = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for path in sorted(copied_paths((root / "Dockerfile").read_text(encoding="utf-8"))):
        if not (root / path).exists():
            yield f"Dockerfile: copies {path}, which does not exist"
        if path not in allowed:
            yield f"Dockerfile: copies {path}, which .dockerignore leaves out"


def variable_problems(compose_text: str, root: Path) -> Iterator[str]:
    """Every variable that docker-compose.yml asks for stands in the example of the .env file, and no other."""
    example = (root / "deploy/compose/env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    asked = set(_VARIABLE.findall(compose_text))
    for name in sorted(asked - named):
        yield f"env.example does not have {name}"
    for name in sorted(named - asked):
        yield f"env.example has {name}, which nothing asks for"


def problems(root: Path = REPOSITORY) -> list[str]:
    """All of the above for one checkout."""
    text = (root / "docker-compose.yml").read_text(encoding="utf-8")
    compose: Compose = YAML(typ="safe", pure=True).load(text)
    return [
        *schema_problems(compose),
        *rule_problems(compose, root),
        *dockerfile_problems(root),
        *variable_problems(text, root),
    ]


def main() -> int:
    """Exit code 1 when something is wrong; one line each on stderr."""
    found = problems()
    for problem in found:
        print(f"error: {problem}", file=sys.stderr)
    if not found:
        print("docker-compose.yml follows the Compose schema; Dockerfile and .env example agree with it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
