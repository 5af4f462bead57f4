"""A labelled corpus: lines with personal data in them, and lines that only look like it.

Everything is made by Faker and the standard library from a seed; nobody in it exists.
"""

import base64
import random
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from faker import Faker


@dataclass(frozen=True)
class Line:
    """A text, what kind of value is planted in it (empty for none), and the value."""

    text: str
    kind: str = ""
    value: str = ""


_FRAMES = (
    "user {} signed in",
    "payment by {} was declined",
    "could not reach {}: connection reset",
    "customer={} plan=gold status=200",
    '{{"event": "created", "value": "{}"}}',
    "{}",
)


def make_corpus(each: int, *, seed: int = 7) -> list[Line]:
    """Returns `each` lines of every kind, with and without."""
    rng = random.Random(seed)
    lines: list[Line] = []
    for kind, make in _planted(seed).items():
        for number in range(each):
            value = make()
            lines.append(Line(_FRAMES[number % len(_FRAMES)].format(value), kind, value))
    for make in _harmless(rng).values():
        lines += [Line(make()) for _ in range(each)]
    rng.shuffle(lines)
    return lines


def _planted(seed: int) -> dict[str, Callable[[], str]]:
    rng = random.Random(seed)
    Faker.seed(seed)
    us, uk, de, es, it, fr, br = (
        Faker(locale) for locale in ("en_US", "en_GB", "de_DE", "es_ES", "it_IT", "fr_FR", "pt_BR")
    )

    def chars(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(rng.choice(alphabet) for _ in range(count))

    def phone() -> str:
        area, middle, last = rng.randrange(201, 989), rng.randrange(200, 999), rng.randrange(10000)
        shape = rng.choice(("+1 {} {} {:04}", "({}) {}-{:04}", "{}-{}-{:04}", "+1-{}-{}-{:04}"))
        return shape.format(area, middle, last)

    def ip() -> str:
        version_6 = f"2001:db8:{chars(4, 'abcdef0123')}::{chars(4, '123456789')}"
        return rng.choice((us.ipv4_public(), version_6))

    def card() -> str:
        kinds = ("visa16", "mastercard", "amex", "discover")
        return us.credit_card_number(card_type=rng.choice(kinds))

    def jwt() -> str:
        def part(text: str) -> str:
            return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

        claims = part('{"sub":"' + chars(8) + '"}')
        return ".".join((part('{"alg":"HS256","typ":"JWT"}'), claims, chars(43)))

    return {
        "email": lambda: rng.choice((us, de, fr)).email(),
        "phone": phone,
        "card": card,
        "iban": lambda: rng.choice((de, fr, es, uk)).iban(),
        "ip": ip,
        "us_ssn": lambda: us.ssn(taxpayer_identification_number_type="SSN"),
        "es_dni": es.nif,
        "it_cf": it.ssn,
        "fr_insee": fr.ssn,
        "br_cpf": br.cpf,
        "uk_nino": lambda: f"AB{rng.randrange(10**6):06}C",
        "aws": lambda: "AKIA" + chars(16, string.ascii_uppercase + string.digits),
        "github": lambda: "ghp_" + chars(36),
        "slack": lambda: f"xoxb-{rng.randrange(10**11, 10**12)}-{chars(24)}",
        "stripe": lambda: "sk_live_" + chars(24),
        "openai": lambda: "sk-proj-" + chars(40) + "7",
        "jwt": jwt,
        "password": lambda: f"https://admin:{chars(12)}@db.internal/x",
        "bearer": lambda: f"Authorization: Bearer {chars(32)}",
        "assigned": lambda: f"password={chars(10)}9",
        "key": lambda: chars(22) + "0123" + chars(22),
    }  # fmt: skip


def _harmless(rng: random.Random) -> dict[str, Callable[[], str]]:
    def hexadecimal(size: int) -> str:
        return rng.randbytes(size).hex()

    return {
        "trace": lambda: f"trace_id={hexadecimal(16)} span_id={hexadecimal(8)} sampled",
        "request": lambda: f"request {uuid.UUID(bytes=rng.randbytes(16))} answered in "
        f"{rng.random() * 900:.3f} ms",
        "stamp": lambda: f"2026-0{rng.randrange(1, 10)}-1{rng.randrange(10)}T12:37"
        f":07.{rng.randrange(10**6):06}Z started",
        "nanos": lambda: f"start_ns=17{rng.randrange(10**17):017} "
        f"end_ms=17{rng.randrange(10**11):011}",
        "version": lambda: f"model v{rng.randrange(40)}.{rng.randrange(9)}.{rng.randrange(99)}."
        f"{rng.randrange(9)} loaded; Chrome/{rng.randrange(99, 140)}.0.0.0 Safari/537.36",
        "price": lambda: f"total {rng.randrange(10**5)}.{rng.randrange(100):02} EUR, "
        f"discount {rng.randrange(90)}%, items {rng.randrange(9)}",
        "latency": lambda: f"p50={rng.random():.6f}s p99={rng.random() * 9:.6f}s "
        f"n={rng.randrange(10**9)}",
        "model": lambda: f"meta-llama/Llama-{rng.randrange(1, 5)}-{rng.randrange(7, 71)}B-Instruct "
        f"revision {hexadecimal(20)}",
        "digest": lambda: f"image registry/app@sha256:{hexadecimal(32)}",
        "private": lambda: f'10.{rng.randrange(256)}.{rng.randrange(256)}.7:{rng.randrange(60000)} '
        '- "GET /healthz HTTP/1.1" 200 OK',
        "tokens": lambda: f"prompt_tokens={rng.randrange(4000)} completion_tokens="
        f"{rng.randrange(900)} max_tokens=1024 finish_reason=stop",
        "path": lambda: f"File /usr/lib/python3.11/site-packages/torch/nn/modules/linear.py:"
        f"{rng.randrange(999)} in forward",
        "ulid": lambda: "batch 01J" + "".join(rng.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
                                              for _ in range(23)) + " done",
        "commit": lambda: f"deployed {hexadecimal(20)} by ci at 12:45:{rng.randrange(60):02}",
        "order": lambda: f"order {rng.randrange(10**9, 10**11)} shipped, parcel of "
        f"{rng.randrange(1, 9)} kg",
        "ratio": lambda: f"loss {rng.random():.16f} lr {rng.random():.3e} "
        f"step {rng.randrange(10**7)}",
    }  # fmt: skip
