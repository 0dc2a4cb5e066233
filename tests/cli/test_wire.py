"""What happens on the way to a gateway elsewhere: keys, lost answers, busy gateways, certificates, strangers."""

from __future__ import annotations

import datetime as dt
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.wire import at
from tests.cli.conftest import SECRETS, Typist, _home, served
from tests.unit.gateway.cli.conftest import Run, Said


@dataclass
class Proxy:
    """Stands before a gateway; what `breaks` says is done to an answer instead of handing it on."""

    url: str
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    breaks: list[Any] = field(default_factory=list)


@contextmanager
def proxy(behind: str) -> Iterator[Proxy]:
    import httpx

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.seen.append((self.command, self.path, dict(self.headers)))
            keep = {name: text for name, text in self.headers.items() if name.casefold() != "host"}
            answer = httpx.request(self.command, behind + self.path, headers=keep, content=body, timeout=30)
            if made.breaks and made.breaks[0](self, answer):
                made.breaks.pop(0)
                return
            self.give(answer.status_code, answer.content, dict(answer.headers))

        def give(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, text in headers.items():
                if name.casefold() not in ("content-length", "transfer-encoding", "content-encoding", "date", "server"):
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *said: Any) -> None:
            """Nothing."""

    for verb in ("GET", "POST", "DELETE"):
        setattr(Handler, f"do_{verb}", Handler._any)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Proxy(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def cut(handler: Any, answer: Any) -> bool:
    """The gateway has done it, and nobody hears of it."""
    if handler.command != "POST":
        return False
    handler.close_connection = True
    handler.connection.shutdown(2)
    return True


def gateway_error(handler: Any, answer: Any) -> bool:
    handler.give(502, b"<h1>Bad gateway</h1>", {"Content-Type": "text/html"})
    return True


def busy(handler: Any, answer: Any) -> bool:
    told = json.dumps({"code": "quota-exceeded", "detail": "slow down", "status": 429}).encode()
    handler.give(429, told, {"Content-Type": "application/problem+json", "Retry-After": "0"})
    return True


@pytest.fixture
def between(there: Typist) -> Iterator[Proxy]:
    with proxy(there.url) as made:
        there.url = made.url
        yield made


def test_a_lost_answer_is_unknown_and_repeating_it_does_it_once(there: Typist, between: Proxy) -> None:
    between.breaks = [cut]
    said = there("case", "close", "FO-2", "--reason", "it's seen to", "--json")
    assert (said.code, said.out) == (4, "")
    assert "Whether it was done is not known" in said.err
    again = said.err.strip().splitlines()[-1].strip()
    assert again.startswith("lockstep case close FO-2 --reason 'it'\"'\"'s seen to' --json --idempotency-key ")
    key = again.rpartition(" ")[2]
    repeated = there("case", "close", "FO-2", "--reason", "it's seen to", "--json", "--idempotency-key", key)
    assert (repeated.code, json.loads(repeated.out)["state"]) == (0, "closed")
    shown = json.loads(there("case", "show", "FO-2", "--json").out)
    assert [step["action"] for step in shown["history"]].count("close") == 1


def test_every_write_has_a_key_and_each_another(there: Typist, between: Proxy) -> None:
    assert there("case", "claim", "FO-2", "FO-3").code == 0
    keys = [headers["Idempotency-Key"] for method, _, headers in between.seen if method == "POST"]
    assert len(keys) == len(set(keys)) == 2
    said = there("case", "note", "FO-2", "hello", "--idempotency-key", "mine")
    assert said.code == 0
    assert re.fullmatch(r'"mine-[0-9a-f]{12}"', between.seen[-1][2]["Idempotency-Key"])
    twice = there("case", "note", "FO-2", "hello", "--idempotency-key", "mine")
    assert twice.code == 0
    history = json.loads(there("case", "show", "FO-2", "--json").out)["history"]
    assert sum(step["reason"] == "hello" for step in history) == 1
    assert all("Idempotency-Key" not in headers for method, _, headers in between.seen if method == "GET")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("now",), 8, "it answers 502, but not as a gateway does"),
        (("case", "claim", "FO-2"), 4, "--idempotency-key"),
    ],
)
def test_a_stranger_in_between(there: Typist, between: Proxy, words: tuple[str, ...], code: int, told: str) -> None:
    between.breaks = [gateway_error]
    said = there(*words)
    assert (said.code, told in said.err) == (code, True), said


def test_a_busy_gateway_is_asked_again(there: Typist, between: Proxy) -> None:
    between.breaks = [busy, busy]
    assert there("case", "claim", "FO-2").code == 0
    posts = [headers["Idempotency-Key"] for method, _, headers in between.seen if method == "POST"]
    assert len(posts) == 3 and len(set(posts)) == 1


@pytest.mark.parametrize("words", [("now",), ("case", "list"), ("case", "claim", "FO-1"), ("replay", "list")])
def test_a_gateway_that_is_not_there(words: tuple[str, ...], there: Typist) -> None:
    there.url = "http://127.0.0.1:9"
    said = there(*words)
    assert (said.code, said.out) == (8, "")
    assert "cannot be reached" in said.err and "nothing was done" in said.err


def test_who_is_not_signed_in(there: Typist) -> None:
    said = there("now", env={"LOCKSTEP_TOKEN": "no-such-token"})
    assert (said.code, "does not accept the token" in said.err) == (6, True)
    said = there("now", env={"LOCKSTEP_TOKEN": ""})
    assert (said.code, "lockstep login --url" in said.err) == (6, True)
    said = there("case", "claim", "FO-2", by="vic")
    assert (said.code, "this needs the right 'work'" in said.err) == (6, True)
    said = there("case", "claim", "FO-2", "--as", "somebody")
    assert (said.code, "whom your token says" in said.err) == (2, True)


def test_a_token_that_was_kept_is_enough(run: Run, away: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import io

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO(SECRETS["bea"] + "\n"))
    assert run("--url", away.url, "login", "--stdin").code == 0
    said = run("--url", away.url, "whoami", "--json")
    assert (said.code, json.loads(said.out)["name"]) == (0, "token bea")
    said = run("now")  # neither a file nor an address: the place that was signed in to is named, not guessed
    assert (said.code, f"--url {away.url}" in said.err) == (11, True)


@pytest.fixture
def secure(tmp_path: Path, story: Path) -> Iterator[tuple[Any, Path]]:
    """A gateway behind a certificate that only its own authority vouches for."""
    authority = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    for away in served(_home(tmp_path / "secure", story), ssl=context):
        yield away, authority


def _certificate(directory: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / "cert.pem").write_bytes(made.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / "key.pem").write_bytes(private)
    return directory / "cert.pem"


def test_certificates_are_looked_at(
    secure: tuple[Any, Path], run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    away, authority = secure
    monkeypatch.setenv("LOCKSTEP_TOKEN", SECRETS["ada"])
    said = run("--url", away.url, "now")
    assert (said.code, "certificate is not trusted" in said.err, "--ca-file" in said.err) == (8, True, True)
    assert run("--url", away.url, "--ca-file", str(authority), "now").code == 0
    assert run("now", "--url", away.url, "--ca-file", str(authority)).code == 0
    nothing = tmp_path / "empty.pem"
    nothing.write_text("")
    said = run("now", "--url", away.url, "--ca-file", str(nothing))
    assert (said.code, "no certificates" in said.err) == (11, True)


def test_a_name_may_hold_anything() -> None:
    assert at("records", "jira", "-", "A/B ?#%") == "/v1/records/jira/-/A%2FB%20%3F%23%25"


def test_a_plain_address_elsewhere_is_refused(run: Run) -> None:
    said: Said = run("now", "--url", "http://lockstep.example.com")
    assert (said.code, "could be read on the way" in said.err) == (2, True)
