"""Builds the wheel and looks into it: the five packages, whole, nothing else, and `lockstep` as the only command."""

from __future__ import annotations

import argparse
import configparser
import os
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGES = ("gateway", "connectors", "mappings", "dead_letter", "replay")
SCRIPTS = {"lockstep": "gateway.cli.main:main"}
_LEFT_BEHIND = {"__pycache__"}


def build_wheel(into: Path, source: Path = REPOSITORY) -> Path:
    """Build the wheel with the backend that is installed, without the network. Raises CalledProcessError."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--no-build-isolation", "--wheel-dir", str(into), str(source)], check=True)
    return next(into.glob("*.whl"))


def _source_files(source: Path) -> set[str]:
    return {
        path.relative_to(source).as_posix()
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file() and not _LEFT_BEHIND.intersection(path.parts)
    }


def _scripts(wheel: zipfile.ZipFile) -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are case-sensitive
    for name in wheel.namelist():
        if name.endswith(".dist-info/entry_points.txt"):
            parser.read_string(wheel.read(name).decode())
    return {key: value for section in parser.sections() for key, value in parser.items(section)}


def problems(path: Path, source: Path = REPOSITORY) -> list[str]:
    """What is wrong with a wheel, one sentence each; empty when it is as it should be."""
    with zipfile.ZipFile(path) as wheel:
        scripts = _scripts(wheel)
        held = {name for name in wheel.namelist() if not name.endswith("/")}
    found = []
    tops = {name.split("/")[0] for name in held if ".dist-info/" not in name}
    if tops != set(PACKAGES):
        found.append(f"top-level names are {sorted(tops)}, expected {sorted(PACKAGES)}")
    if missing := sorted(_source_files(source) - held):
        found.append(f"{len(missing)} file(s) of the packages are left out, {missing[0]} first")
    if scripts != SCRIPTS:
        found.append(f"entry points are {scripts}, expected {SCRIPTS}")
    return found


def install_and_ask(wheel: Path, place: Path) -> None:
    """Install the wheel away from the checkout and run the command from there; dependencies come from this environment.

    The editable install of the checkout is a `.pth` file, which PYTHONPATH does not follow: only the wheel's own
    modules can answer. Raises CalledProcessError.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    python = place / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", str(wheel)], check=True)
    lockstep = python.with_name("lockstep")
    environment = {**os.environ, "PYTHONPATH": sysconfig.get_path("purelib")}
    subprocess.run([lockstep, "--help"], check=True, cwd=place, env=environment, stdout=subprocess.DEVNULL)


def main() -> int:
    """Exit code 1 when the wheel is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install", action="store_true", help="also install the wheel elsewhere and run `lockstep`")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lockstep-wheel-") as folder:
        wheel = build_wheel(Path(folder))
        found = problems(wheel)
        for problem in found:
            print(f"error: {wheel.name}: {problem}", file=sys.stderr)
        if not found and options.install:
            install_and_ask(wheel, Path(folder))
        if not found:
            print(f"{wheel.name}: {', '.join(PACKAGES)}; command lockstep")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
