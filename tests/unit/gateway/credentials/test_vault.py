"""What is sealed opens under its key and in its place, and nowhere else."""

from __future__ import annotations

import stat
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from connectors.contract.errors import ConfigError
from gateway.credentials.vault import MasterKey, Vault, VaultError, fingerprint, kept_key, key_of

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
PLACE = ("secret", "snow", "password")


def test_it_opens_where_it_was_sealed() -> None:
    sealed = Vault([OLD]).seal("hunter2 ü", *PLACE)
    assert "hunter2" not in sealed
    assert "hunter2" not in b64decode(sealed.rpartition(".")[2]).decode("latin-1")
    assert Vault([OLD]).open(sealed, *PLACE) == "hunter2 ü"


@pytest.mark.parametrize(
    "place",
    [("secret", "jira", "password"), ("secret", "snow", "token"), ("token", "snow", "password"), ("secret", "snow")],
)
def test_in_another_place_it_does_not_open(place: tuple[str, ...]) -> None:
    sealed = Vault([OLD]).seal("hunter2", *PLACE)
    with pytest.raises(VaultError, match="another's place"):
        Vault([OLD]).open(sealed, *place)
    with pytest.raises(VaultError):
        Vault([NEW, OLD]).rewrapped(sealed, *place)


def test_two_of_the_same_look_different() -> None:
    vault = Vault([OLD])
    assert vault.seal("x", *PLACE) != vault.seal("x", *PLACE)


@pytest.mark.parametrize("part", [2, 3])
def test_what_was_changed_does_not_open(part: int) -> None:
    parts = Vault([OLD]).seal("hunter2", *PLACE).split(".")
    raw = bytearray(b64decode(parts[part]))
    raw[-1] ^= 1
    parts[part] = b64encode(raw).decode()
    with pytest.raises(VaultError, match="changed"):
        Vault([OLD]).open(".".join(parts), *PLACE)


def test_another_master_key_takes_over_without_a_moment_in_which_it_does_not_open() -> None:
    sealed = Vault([OLD]).seal("hunter2", *PLACE)
    both = Vault([NEW, OLD])
    assert both.open(sealed, *PLACE) == "hunter2"
    anew = both.rewrapped(sealed, *PLACE)
    assert (key_of(sealed), key_of(anew)) == (OLD.id, NEW.id)
    assert both.open(anew, *PLACE) == Vault([NEW]).open(anew, *PLACE) == "hunter2"
    assert sealed.split(".")[3] == anew.split(".")[3], "the value itself is not encrypted anew"
    with pytest.raises(VaultError, match=NEW.id):
        Vault([OLD]).open(anew, *PLACE)


def test_a_key_is_read_as_base64_or_hex() -> None:
    assert MasterKey.of(b64encode(b"o" * 32).decode() + "\n").id == MasterKey.of((b"o" * 32).hex()).id == OLD.id


@pytest.mark.parametrize("text", ["", "hunter2", b64encode(b"o" * 16).decode(), "zz" * 32])
def test_what_is_no_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        MasterKey.of(text)
    assert not text or text not in str(caught.value)


def test_an_embedded_store_makes_its_key_once_for_its_owner_only(tmp_path: Path) -> None:
    made = kept_key(tmp_path / "data")
    assert kept_key(tmp_path / "data").id == made.id
    file = tmp_path / "data" / "master.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in (tmp_path / "data").iterdir()] == ["master.key"]
    file.write_text("not a key")
    with pytest.raises(ConfigError, match="master-key"):
        kept_key(tmp_path / "data")


def test_a_fingerprint_needs_its_key() -> None:
    assert fingerprint("a", "x") == fingerprint("a", "x")
    assert len({fingerprint("a", "x"), fingerprint("b", "x"), fingerprint("a", "y")}) == 3
