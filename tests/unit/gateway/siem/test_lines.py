"""CEF and LEEF: what anybody types comes out of a parser as it went in, and never ends a value."""

from __future__ import annotations

import json
import re

import pycef
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.known_kinds import KINDS
from gateway.siem.event import Event
from gateway.siem.forms.rendering import LEAST_ROOM, rendered
from gateway.siem.forms.sender import Form
from gateway.siem.verifier.chain import digest_of
from tests.support.feed import SENDER, event
from tests.support.shared import require_shared

NASTY = st.one_of(
    st.text(max_size=60),
    st.text(alphabet="|=\\^\n\r\t \0ab\u2028\u0085\x7f\"'\U0001f600", max_size=60),
    st.sampled_from(
        [
            " cn1Label=feedNumber cn1=9",
            "^feedNumber=9^feed=x",
            "a\\",
            "\\n",
            "=",
            "||",
            " suser=root",
            "^usrName=root",
            "x" * 65536,
            "\ud800",
            "CEF:0|Lockstep|",
            '{"chain":{}}',
        ]
    ),
)
some = settings(max_examples=40, deadline=None)


def line(form: Form, event: Event, **more: int) -> str:
    return rendered(event, form, SENDER, **more).body.decode()


def plain(text: str) -> str:
    """As it should come out: control characters as pictures, line ends as themselves."""
    text = re.sub("[\u0085\u2028\u2029\v\f]", "\n", text.encode("utf-8", "replace").decode())
    text = re.sub("[\x80-\x9f]", "\ufffd", text)
    return "".join(chr(0x2400 + ord(each)) if each < " " and each not in "\n\r" else each for each in text).replace(
        "\x7f", "\u2421"
    )


def unescaped(text: str, others: dict[str, str]) -> str:
    return re.sub(r"\\(x5e|.)", lambda found: {"n": "\n", "r": "\r", **others}.get(found[1], found[1]), text)


def cef(text: str) -> dict[str, str]:
    """A reader of CEF as its specification has it: header by bars that are not escaped, then names and values."""
    header = re.match(r"CEF:0\|((?:(?:[^|\\]|\\.)*\|){6})", text)
    assert header, text[:100]
    body = text[header.end() :]
    keys = [(found.start(1), found.end(), found[1]) for found in re.finditer(r"(?:^| )([A-Za-z0-9]+)(?<!\\)=", body)]
    ends = [start - 1 for start, _, _ in keys[1:]] + [len(body)]
    return {name: unescaped(body[at:end], {}) for (_, at, name), end in zip(keys, ends, strict=True)}


def leef(text: str) -> dict[str, str]:
    """A reader of LEEF: split at the delimiter, then at the first `=`."""
    version, _, _, _, _, delimiter, attributes = text.split("|", 6)
    assert (version, delimiter) == ("LEEF:2.0", "^")
    return {
        name: unescaped(value, {"x5e": "^"})
        for name, _, value in (each.partition("=") for each in attributes.split(delimiter))
    }


@some
@given(actor=NASTY, text=NASTY, name=NASTY, value=NASTY)
def test_values_come_out_as_they_went_in(actor: str, text: str, name: str, value: str) -> None:
    made = event(actor=actor, text=text, cause=value[:50], detail={name[:40]: value})
    first, second = cef(line(Form.CEF, made)), leef(line(Form.LEEF, made))
    for told, who, said in ((first, "suser", "msg"), (second, "usrName", "msg")):
        assert told.get(who, "").strip() == plain(actor).strip()
        assert told.get(said, "").strip() == plain(text).strip()
        detail = json.loads(told["detail"])
        assert [plain(each) for each in detail.values()] == [plain(value)]
    assert (first["cn1"], second["feedNumber"]) == ("1", "1"), "nothing typed passes for the chain"


@some
@given(kind=st.sampled_from(sorted(KINDS)), actor=NASTY, text=NASTY, value=NASTY)
def test_pycef_parses_every_line(kind: str, actor: str, text: str, value: str) -> None:
    made = event(kind, actor=actor, text=text, record="re1", cause="FO-17", detail={"said": value})
    told = pycef.parse(line(Form.CEF, made))
    assert told is not None
    assert (told["CEFVersion"], told["DeviceVendor"], told["DeviceEventClassID"]) == ("0", "Lockstep", kind)
    assert (told["externalId"], told["record"], told["cause"], told["feedNumber"]) == ("au01", "re1", "FO-17", "1")
    assert told["feedPrevious"] == made.previous
    assert told["auditPosition"] == "7"


@some
@given(form=st.sampled_from(list(Form)), kind=NASTY, texts=st.lists(NASTY, min_size=8, max_size=8))
def test_an_event_is_one_line_within_its_room(form: Form, kind: str, texts: list[str]) -> None:
    names = ("actor", "text", "record", "connection", "cause", "correlation", "trace", "outcome")
    made = event(
        kind or "x", detail={texts[0]: texts, texts[1]: {"deep": texts}}, **dict(zip(names, texts, strict=True))
    )
    for room in (LEAST_ROOM, 8192, 65536):
        found = rendered(made, form, SENDER, room=room)
        assert len(found.body) <= room
        assert not re.search(rb"[\x00-\x1f\x7f]", found.body), "receivers rewrite those"
        assert found == rendered(made, form, SENDER, room=room)
        assert bool(found.cut) or b"octets)" not in found.body


@pytest.mark.parametrize("form", list(Form))
def test_what_was_cut_is_said_and_the_chain_is_whole(form: Form) -> None:
    long = event(detail={"short": 1, "values": ["\u00e9" * 9000], "reason": "r" * 9000}, text="t" * 70)
    found = rendered(long, form, SENDER, room=8192)
    assert found.cut == ("detail.values", "detail.reason")
    assert b"54004 octets" in found.body or b"18004 octets" in found.body
    assert b"detail.values" in found.body
    assert long.previous.encode() in found.body
    assert found.digest.encode() in found.body
    assert b"t" * 70 in found.body, "only what is long gives way"
    whole = rendered(long, form, SENDER)
    assert whole.cut == ()
    assert whole.digest != found.digest, "the digest is over what is sent"


def test_too_little_room_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        rendered(event(), Form.JSON, SENDER, room=LEAST_ROOM - 1)


def test_the_lines_to_the_octet() -> None:
    made = event(text="a|b=c\\d^e\nf", cause="FO-1", detail={"n": 1})
    before = (
        "CEF:0|Lockstep|Lockstep|0.1.0|token_created|User Access Management: Assign Privileges|8|rt=1795000000250 "
        "externalId=au01 dvchost=gw1.example cat=iam act=token_created outcome=success suser=ines duser=ines "
        r"msg=a|b\=c\\d^e\nf cs1Label=cause cs1=FO-1 cn2Label=auditPosition cn2=7 "
        f'auditLink={"ab" * 32} detail={{"n":1}}'
    )
    digest = digest_of("soc", 1, "0" * 64, before.encode())
    chain = f" cn1Label=feedNumber cn1=1 cs4Label=feed cs4=soc cs5Label=feedPrevious cs5={'0' * 64} "
    assert line(Form.CEF, made) == f"{before}{chain}cs6Label=feedDigest cs6={digest}"
    before = (
        "LEEF:2.0|Lockstep|Lockstep|0.1.0|token_created|^|devTime=1795000000250^sev=8^cat=User Access Management: "
        r"Assign Privileges^usrName=ines^identHostName=gw1.example^msg=a|b=c\\d\x5ee\nf^eventId=au01^outcome=success"
        f'^target=ines^cause=FO-1^auditPosition=7^auditLink={"ab" * 32}^detail={{"n":1}}'
    )
    digest = digest_of("soc", 1, "0" * 64, before.encode())
    chain = f"^feedNumber=1^feed=soc^feedPrevious={'0' * 64}^feedDigest="
    assert line(Form.LEEF, made) == f"{before}{chain}{digest}"


def test_the_readers_here_read_what_others_wrote() -> None:
    folder = require_shared("vendor", "fixtures", "siem")
    samples = json.loads((folder / "cef.sample-lines.logstash-codec.json").read_text())
    lines = {each["name"]: each["line"] for each in samples}
    assert cef(lines["backslash_in_message"].removesuffix("\\"))["moo"].startswith("this has")
    assert cef(lines["allow_spaces_in_values"])["dproc"] == "InternetExplorer x.x.x.x"
    assert cef(lines["pipes_in_message"])["moo"] == "this|has an pipe"
