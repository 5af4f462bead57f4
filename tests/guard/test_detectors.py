"""What is found and what is not, on planted values, on a labelled corpus, and by properties."""

import random
from collections import Counter

import pytest
from datafog import scan
from detect_secrets.core.scan import scan_line
from detect_secrets.settings import default_settings
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.guard.corpus import Line, make_corpus

from vario.guard import checks
from vario.guard.detectors import DETECTORS, find_hints, is_suspicious
from vario.guard.names import kind_of
from vario.guard.policy import Place, Policy
from vario.guard.redact import Redactor

BODY = Place("logs", "svc", "body")


def clean(text: str, *rules: str, place: Place = BODY) -> str | None:
    return Redactor(Policy(rules, b"key")).clean(text, place)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("mail jane.doe@example.com, bob@x.io", "mail [email], [email]"),
        ("login='jane@x.io' ?to=jane%40x.io&n=1", "login='[email]' ?to=[email]&n=1"),
        ("clone git@github.com:a/b", "clone git@github.com:a/b"),
        ("+44 20 7946 0958 or (415) 555-2671", "[phone] or [phone]"),
        ("06 12 34 56 78", "[phone]"),
        ("card 4111 1111 1111 1111 exp 12/29", "card [card] exp 12/29"),
        ("card 4111111111111112", "card 4111111111111112"),
        ("to DE89 3704 0044 0532 0130 00 today", "to [iban] today"),
        ("from 203.0.113.9:443 to 10.0.0.1", "from [ip]:443 to 10.0.0.1"),
        ("from 2a00:1450:4001:81b::200e", "from [ip]"),
        ("v1.2.3.4 and Chrome/120.0.0.0", "v1.2.3.4 and Chrome/120.0.0.0"),
        ("ssn 078-05-1120", "ssn [us_ssn]"),
        ("dni 12345678Z nie X1234567L", "dni [es_dni] nie [es_dni]"),
        ("RSSMRA85T10A562S", "[it_cf]"),
        ("1 85 05 78 006 084 91", "[fr_insee]"),
        ("529.982.247-25", "[br_cpf]"),
        ("AKIAIOSFODNN7EXAMPLE", "[secret]"),
        ("postgres://app:s3cr3t@db/x", "postgres://app:[password]@db/x"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer [authorization]"),
        ("bearer authentication failed", "bearer authentication failed"),
        ("password=hunter2 user=x", "password=[password] user=x"),
        ("{'api_key': 'abc123'}", "{'api_key': '[password]'}"),
        ("password: null", "password: null"),
        ("max_tokens=100 token_type=bearer", "max_tokens=100 token_type=bearer"),
        ('{"user":{"email":"x","id":7},"n":[1]}', '{"user":{"email":"[email]","id":7},"n":[1]}'),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----.", "[private_key]."),
        ("digest sha256:" + "0a" * 32, "digest sha256:" + "0a" * 32),
    ],
)
def test_texts(text: str, wanted: str) -> None:
    assert clean(text) == wanted


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("user.email", "email"), ("userEmail", "email"), ("dbPassword", "password"),
        ("x-api-key", "secret"), ("http.request.header.authorization", "secret"),
        ("customer_ssn", "national_id"), ("firstName", "person"), ("card_number", "card"),
        ("gen_ai.usage.input_tokens", ""), ("token_count", ""), ("filename", ""),
        ("model_name", ""), ("service.name", ""), ("phone_model", ""), ("k8s.secret.name", ""),
    ],
)  # fmt: skip
def test_names(name: str, kind: str) -> None:
    assert kind_of(name) == kind


def test_modes() -> None:
    place = Place("logs", "shop", "user.email")
    text = "jane@example.com"
    assert clean(text, place=place) == "[email]"
    assert clean(text, "drop field=user.*", place=place) is None
    assert clean(text, "allow service=shop detector=email", place=place) == text
    assert clean(text, "allow signal=traces", place=place) == "[email]"
    hashed = clean(text, "hash field=user.email", place=place)
    assert hashed == clean(text, "hash", place=place)
    assert hashed != clean("joan@example.com", "hash", place=place)
    assert hashed != Redactor(Policy(("hash",), b"other")).clean(text, place)


def test_ids_in_fields_of_ids_are_left() -> None:
    number = "4111111111111111"
    assert clean(number, place=Place("traces", "", "order.id")) == number
    assert clean(number, place=Place("traces", "", "note")) == "[card]"
    assert clean("34.1.2.3", place=Place("traces", "", "server.address")) == "34.1.2.3"
    assert clean("34.1.2.3", place=Place("traces", "", "client.address")) == "[ip]"


def test_what_patterns_find_the_one_search_finds_too() -> None:
    for line in make_corpus(40, seed=3):
        found = [d.name for d in DETECTORS for _ in d.find(line.text)]
        if found:
            assert is_suspicious(line.text), (found, line.text)
            # Between bytes of a body that are letters or digits, too.
            assert find_hints(b"7z" + line.text.encode() + b"2B"), (found, line.text)


LINES = st.sampled_from([line.text for line in make_corpus(12, seed=5)])
NOISE = st.text("abc xyz@.:/=[]{}\"'0123456789+-_", max_size=30)


@settings(max_examples=150, deadline=None)
@given(LINES, NOISE, LINES)
def test_redacting_twice_changes_nothing(first: str, between: str, last: str) -> None:
    once = clean(first + between + last)
    assert once is not None
    assert clean(once) == once


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["4", "51", "37", "6011"]), st.integers(0, 10**14))
def test_every_card_number_is_found(prefix: str, rest: int) -> None:
    size = 15 if prefix == "37" else 16
    digits = (prefix + f"{rest:015}")[: size - 1]
    number = next(digits + str(d) for d in range(10) if checks.has_luhn(digits + str(d)))
    assert clean(f"paid with {number}.") == "paid with [card]."


def test_random_ids_are_seldom_cards() -> None:
    rng = random.Random(1)
    digits = [str(rng.randrange(10**15, 10**16)) for _ in range(2000)]
    wrong = sum(clean(f"request {number} done") != f"request {number} done" for number in digits)
    hexadecimal = [rng.randbytes(16).hex() for _ in range(2000)]
    assert not any(clean(f"trace {text} done") != f"trace {text} done" for text in hexadecimal)
    # One in ten passes Luhn's check, one in four of those begins as a card does.
    print(f"\n16 random digits taken for a card: {wrong / 2000:.2%}")
    assert wrong / 2000 < 0.035


def judge(lines: list[Line], found: dict[int, str]) -> tuple[dict[str, float], float]:
    """Returns the share of values that are gone, by kind, and of harmless lines changed."""
    hits: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    alarms = harmless = 0
    for number, line in enumerate(lines):
        if line.kind:
            kinds[line.kind] += 1
            secret = line.value.rpartition("=")[2] if line.kind == "assigned" else line.value
            hits[line.kind] += secret not in found[number]
        else:
            harmless += 1
            alarms += found[number] != line.text
    return {kind: hits[kind] / kinds[kind] for kind in sorted(kinds)}, alarms / harmless


def by_datafog(text: str) -> str:
    for entity in sorted(scan(text, engine="regex").entities, key=lambda e: -e.start):
        text = text[: entity.start] + "[x]" + text[entity.end :]
    return text


def by_detect_secrets(text: str) -> str:
    for secret in scan_line(text):
        # Its detectors of entropy report every word when a line is scanned by itself.
        if secret.secret_value and not secret.type.endswith("High Entropy String"):
            text = text.replace(secret.secret_value, "[x]")
    return text


def test_recall_and_false_alarms_beside_other_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    lines = make_corpus(18)
    results = {"vario": judge(lines, {n: clean(line.text) or "" for n, line in enumerate(lines)})}
    results["datafog"] = judge(lines, {n: by_datafog(line.text) for n, line in enumerate(lines)})
    with default_settings():
        results["detect-secrets"] = judge(
            lines, {n: by_detect_secrets(line.text) for n, line in enumerate(lines)}
        )
    with capsys.disabled():
        print(f"\n{'recall':12}" + "".join(f"{name:>16}" for name in results))
        for kind in results["vario"][0]:
            print(f"{kind:12}" + "".join(f"{r[0][kind]:16.0%}" for r in results.values()))
        print(f"{'false alarms':12}" + "".join(f"{r[1]:16.1%}" for r in results.values()))
    recall, alarms = results["vario"]
    assert {kind: share for kind, share in recall.items() if share < 0.97} == {}
    assert alarms < 0.005
