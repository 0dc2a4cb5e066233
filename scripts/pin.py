"""Writes constraints.txt: every package of an environment resolved afresh from pyproject.toml, with its exact version.

Standard library only: it runs before anything is installed. No index address is written, so pins work with any mirror.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
HEADER = """\
# Exact versions of everything that is installed here, made by `make constraints`; do not edit.
# Resolved on Python 3.11; packages that only other versions or platforms need float within pyproject.toml's bounds.
"""
OURS = "lockstep-gateway"
# Part of every new environment, and not ours to choose.
BOOTSTRAP = {"pip", "setuptools", "wheel"}


def resolve() -> list[str]:
    """`name==version` lines of a new environment with the package and all its extras."""
    with tempfile.TemporaryDirectory(prefix="lockstep-pin-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(Path(folder) / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", f"{REPOSITORY}[dev]"], check=True, stdout=sys.stderr)
        subprocess.run([*pip, "check"], check=True, stdout=sys.stderr)
        frozen = subprocess.run([*pip, "freeze", "--all"], check=True, capture_output=True, text=True).stdout
    ours_or_bootstrap = BOOTSTRAP | {OURS}
    pins = [line for line in frozen.splitlines() if "==" in line]
    return sorted((pin for pin in pins if pin.split("==")[0].lower() not in ours_or_bootstrap), key=str.lower)


def main() -> None:
    """Resolve and write; prints how many packages are pinned."""
    pins = resolve()
    (REPOSITORY / "constraints.txt").write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    print(f"constraints.txt: {len(pins)} packages pinned")


if __name__ == "__main__":
    main()
