"""Checksums and shapes by which a number of a kind is told from digits by chance. Pure."""

import base64
import binascii
import ipaddress
import math
from collections import Counter

# First digits of cards and the lengths that go with them (ISO/IEC 7812, issuers' own tables).
_ISSUERS: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4000, 4999, frozenset({13, 16, 19})),
    (5100, 5599, frozenset({16})),
    (2221, 2720, frozenset({16})),
    (3400, 3499, frozenset({15})),
    (3700, 3799, frozenset({15})),
    (6011, 6011, frozenset({16, 19})),
    (6440, 6599, frozenset({16, 19})),
    (3600, 3699, frozenset({14})),
    (3800, 3999, frozenset({14})),
    (3000, 3059, frozenset({14})),
    (3528, 3589, frozenset({16})),
    (6200, 6299, frozenset({16, 17, 18, 19})),
    (5018, 5018, frozenset({13, 16, 19})),
    (6304, 6304, frozenset({13, 16, 19})),
)

# Length of an IBAN by country (SWIFT's registry).
_IBAN = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20,
    "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18,
    "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27,
    "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21,
    "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31,
    "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip

_NOT_PUBLIC = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
    )
]  # fmt: skip
_GLOBAL_IP6 = ipaddress.ip_network("2000::/3")

_ODD = {
    **dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)),
    **dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25,
             24, 23),
            strict=True,
        )
    ),
}  # fmt: skip


def only_digits(text: str) -> str:
    """Returns the ASCII digits of a text."""
    return "".join(char for char in text if "0" <= char <= "9")


def has_luhn(digits: str) -> bool:
    """Says whether digits end in their Luhn check digit (ISO/IEC 7812-1, annex B).

    Example:
        >>> has_luhn("4111111111111111"), has_luhn("4111111111111112")
        (True, False)
    """
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[::-2])) + sum(d - 9 * (d > 9) for d in doubled)) % 10 == 0


def is_card(text: str) -> bool:
    """Says whether a text is a payment card's number: issuer, length and check digit."""
    digits = only_digits(text)
    if len(digits) < 13 or len(set(digits)) < 2:
        return False
    first = int(digits[:4])
    known = any(low <= first <= high and len(digits) in sizes for low, high, sizes in _ISSUERS)
    return known and has_luhn(digits)


def is_iban(text: str) -> bool:
    """Says whether a text is an IBAN: its country's length, and 1 modulo 97 (ISO 13616).

    Example:
        >>> is_iban("DE89 3704 0044 0532 0130 00"), is_iban("DE89 3704 0044 0532 0130 01")
        (True, False)
    """
    plain = text.replace(" ", "")
    if _IBAN.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_public_ip(text: str) -> bool:
    """Says whether a text is an address that may be a person's: not one of a private network."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_IP6
    return not any(address in network for network in _NOT_PUBLIC)


def is_dni(text: str) -> bool:
    """Says whether a text is a Spanish DNI or NIE: its letter is the number modulo 23."""
    plain = text.replace("-", "").upper()
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def is_codice_fiscale(text: str) -> bool:
    """Says whether a text is an Italian tax code: its last letter is the check of the others."""
    plain = text.upper()
    even = sum(int(char, 36) - 10 * (char >= "A") for char in plain[1:15:2])
    return chr(ord("A") + (sum(_ODD[char] for char in plain[0:15:2]) + even) % 26) == plain[15]


def is_insee(text: str) -> bool:
    """Says whether a text is a French social-security number: its key is 97 less the remainder."""
    plain = "".join(text.split()).upper()
    number = plain[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(plain[13:])


def is_cpf(text: str) -> bool:
    """Says whether a text is a Brazilian CPF: both check digits are right."""
    digits = [int(digit) for digit in only_digits(text)]
    if len(set(digits)) == 1:
        return False
    for size in (9, 10):
        weighed = sum(digit * (size + 1 - i) for i, digit in enumerate(digits[:size]))
        if weighed * 10 % 11 % 10 != digits[size]:
            return False
    return True


def is_sin(text: str) -> bool:
    """Says whether a text is a Canadian SIN: its last digit is Luhn's."""
    digits = only_digits(text)
    return digits[0] not in "08" and has_luhn(digits)


def is_nino(text: str) -> bool:
    """Says whether a text may be a British national insurance number: its prefix is in use."""
    return text[:2].upper() not in {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}


def is_jwt(text: str) -> bool:
    """Says whether a text is a JSON web token: its head is JSON with an algorithm."""
    return b'"alg"' in _unbase64(text.partition(".")[0])


def is_basic(text: str) -> bool:
    """Says whether a text is what follows `Basic` in a header: base64 of user and password."""
    return b":" in _unbase64(text)


def is_phone(text: str) -> bool:
    """Says whether a text has as many digits as a telephone number (E.164: at most 15)."""
    return 8 <= len(only_digits(text)) <= 15


def looks_secret(text: str) -> bool:
    """Says whether a token is rather made by chance than by a person: both letters and digits."""
    return len(text) >= 8 and any(map(str.isdigit, text)) and any(map(str.isalpha, text))


def is_random(text: str) -> bool:
    """Says whether a token of 40 characters or more is a key by its look.

    Upper and lower case and digits, one run of 20 characters at least, and 4.3 bits of entropy a
    character: hexadecimal ids (at most 4.0), paths and names of classes have less.
    """
    kinds = any(map(str.isupper, text)) and any(map(str.islower, text))
    if not kinds or sum(map(str.isdigit, text)) < 4:
        return False
    runs = text.replace("-", "/").replace("_", "/").split("/")
    return max(map(len, runs)) >= 20 and entropy_bits(text) >= 4.3


def entropy_bits(text: str) -> float:
    """Returns Shannon's entropy of a text's characters, in bits a character."""
    size = len(text)
    return -sum(n / size * math.log2(n / size) for n in Counter(text).values())


def _unbase64(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except (binascii.Error, ValueError):
        return b""
