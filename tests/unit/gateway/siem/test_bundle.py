"""The program for machines without the gateway: one file, the standard library, an old Python."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from base64 import b64decode
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from gateway.core.signing import Signer
from gateway.siem.forms.sender import Form
from gateway.siem.verifier.bundle import MODULES, program
from gateway.siem.verifier.telling import keys_of
from tests.support.feed import SIGNER, feed_of, stored

OLDEST = (3, 8)


def run(place: Path, *given: str, stdin: bytes = b"") -> tuple[int, str, str]:
    """As a receiver runs it: isolated, so that nothing that is installed here can be found."""
    path = place / "verify.py"
    path.write_text(program(), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(path), *given], input=stdin, capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receiver")


def test_it_proves_a_feed_and_names_what_is_gone(place: Path) -> None:
    lines = feed_of(40, Form.OCSF).lines
    (place / "key.pub").write_text(f"fingerprint {SIGNER.fingerprint}\npublic {SIGNER.public}\n")
    whole, cut = place / "whole.log", place / "cut.log"
    whole.write_bytes(stored(lines))
    cut.write_bytes(stored([*lines[:16], *lines[17:]]))
    code, said, wrong = run(place, str(whole), "--key", str(place / "key.pub"))
    assert (code, wrong) == (0, "")
    assert "soc: 40 events, 1 to 40\n  proved: 1 to 40\n" in said
    assert said.endswith("complete\n")
    code, said, _ = run(place, str(cut), "--key", SIGNER.public, "--json")
    told = json.loads(said)
    assert (code, told["verdict"]) == (1, "findings")
    assert [(each["what"], each["first"], each["last"]) for each in told["feeds"][0]["findings"]] == [
        ("missing", 17, 17)
    ]
    assert told["feeds"][0]["proved"] == [[1, 10], [18, 40]]


def test_it_reads_what_is_piped_and_says_when_it_cannot_read(place: Path) -> None:
    code, said, _ = run(place, "-", stdin=stored(feed_of(12, Form.CEF).lines))
    assert (code, "holds together: 1 to 12; not proved" in said) == (0, True)
    assert run(place, str(place / "none.log"))[0] == 2
    code, _, wrong = run(place, "-", "--key", "c2hvcnQ=", stdin=b"")
    assert (code, wrong.startswith("--key: there is no public key in it")) == (2, True)


def test_it_is_written_for_an_old_python() -> None:
    tree = ast.parse(program(), feature_version=OLDEST)
    modules = {each.names[0].name for each in tree.body if isinstance(each, ast.Import)}
    modules |= {str(each.module) for each in tree.body if isinstance(each, ast.ImportFrom)} - {"__future__"}
    assert {each.split(".")[0] for each in modules} <= sys.stdlib_module_names
    newer = {
        "removeprefix",
        "removesuffix",
        "cache",
        "pairwise",
        "batched",
        "StrEnum",
        "UTC",
        "bit_count",
        "is_relative_to",
    }
    used = {each.attr for each in ast.walk(tree) if isinstance(each, ast.Attribute)}
    used |= {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    assert used & newer == set(), "came after 3.8"
    strict = [each for each in ast.walk(tree) if isinstance(each, ast.keyword) and each.arg == "strict"]
    assert strict == [], "zip(strict=) came with 3.10"


def test_no_name_of_one_module_hides_that_of_another() -> None:
    names: Counter[str] = Counter()
    for module in MODULES:
        tree = ast.parse((files("gateway.siem.verifier") / f"{module}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names[node.name] += 1
            elif isinstance(node, ast.Assign):
                names.update(
                    each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)
                )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_module_of_the_verifier_is_in_it() -> None:
    folder = files("gateway.siem.verifier")
    found = {each.name.removesuffix(".py") for each in folder.iterdir() if each.name.endswith(".py")}
    assert found - {"__init__", "bundle"} == set(MODULES)


def test_keys_are_found_in_what_the_gateway_says_of_them(tmp_path: Path) -> None:
    first, second = Signer(b"1" * 32), Signer(b"2" * 32)
    path = tmp_path / "keys"
    path.write_text(
        f"newest entry 7, link {'ab' * 32}\nkey {first.fingerprint} since entry 1, the first; public {first.public}\n"
        f"key {second.fingerprint} since entry 5, vouched for by {first.fingerprint[:16]}; public {second.public}\n"
    )
    assert keys_of(str(path)) == [b64decode(first.public), b64decode(second.public)]
    assert keys_of(first.public) == [b64decode(first.public)]
    for none in ("", "???", first.fingerprint, first.public[:-1], first.public[1:], "A" + first.public):
        with pytest.raises(ValueError, match="no public key"):
            keys_of(none)
