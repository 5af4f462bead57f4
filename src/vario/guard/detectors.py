"""What personal data and secrets look like, and the one quick search that finds where to look.

Each detector has a *hint*, in RE2's syntax over bytes, and a *pattern* with a check. All hints
together are one deterministic automaton that reads a whole request body at 500 to 600 MB/s; only
where it stops is anything decoded and looked at with patterns. Hints count no further than they
must and begin alike: each thing that the automaton has to remember multiplies its states, and past
its memory RE2 falls back to a search fifty times as slow. Whatever a pattern finds, its hint must
find too (a property test holds it to that). In a body, a text may be preceded
by a byte of its length and followed by a tag that are letters or digits by chance, so hints have no
word boundaries.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import re2

from vario.guard import checks, names


@dataclass(frozen=True, slots=True)
class Detector:
    """One kind of data.

    Attributes:
        name: what replaces it, in brackets.
        hint: RE2 over bytes (Latin-1).
        pattern: over text; the group `v`, if it has one, is what is replaced.
        check: the last word on what the pattern found.
        before: nothing is found where the text before ends in this.
        needs: what a text must hold for the pattern to be tried; `0` stands for any digit.
    """

    name: str
    hint: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None = None
    before: re.Pattern[str] | None = None
    needs: str = ""
    value: int | str = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Notes which group holds the value."""
        object.__setattr__(self, "value", "v" if "v" in self.pattern.groupindex else 0)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yields where each value begins and ends."""
        for match in self.pattern.finditer(text):
            start, end = match.span(self.value)
            if MARK.match(text, start):
                continue
            if self.before and self.before.search(text, max(0, match.start() - 12), match.start()):
                continue
            if self.check is None or self.check(text[start:end]):
                yield start, end


MARK = re.compile(r"\[(?:[a-z][a-z0-9_]{1,19})(?::[0-9a-f]{16})?\]")
"""What stands where something was redacted: found again, it is left as it is."""

_DIGIT = re.compile("[0-9]")

_H = "[0-9a-fA-F]"
# What stands in front of digits that are no part of an id in hexadecimal: no letter, unless that
# letter is the length of a text, which follows a tag or another byte of the length.
_APART = r"(?:[^A-Za-z]|[\x00-\x1f\x80-\xff][A-Za-z])"
_ASSIGNED = (
    r"password|passwd|pwd|passphrase|client[_-]?secret|secret[_-]?(?:access[_-]?)?key|secret"
    r"|api[_-]?key|access[_-]?key|(?:access|auth|refresh|session|bearer|id)[_-]?token|private[_-]?key"
)
_PREFIXED = (
    r"(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}|AIza[\w-]{35}|ya29\.[\w-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}"
    r"|github_pat_\w{22,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}|[rs]k_(?:live|test)_\w{16,}"
    r"|whsec_[A-Za-z0-9]{24,}|sk-(?=[\w-]*\d)[\w-]{20,}|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}"
    r"|SG\.[\w-]{16,}\.[\w-]{16,}|pypi-AgEI[\w-]{40,}"
    r"|(?<=hooks\.slack\.com/services/)T\w+/B\w+/\w{16,}"
)

_LOCAL = r"[\w.%+-](?:[\w.%+'-]{0,62}[\w%+-])?"
_DOMAIN = r"(?:[^\W_](?:[\w-]{0,62}[^\W_])?\.){1,8}[A-Za-z]{2,24}(?![\w@])"

DETECTORS = (
    Detector(
        "private_key",
        r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY",
        re.compile(
            r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----"
            r"(?s:.*?)(?:-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----|\Z)"
        ),
        needs="-----BEGIN",
    ),
    Detector(
        "jwt",
        r"eyJ[\w\-]{8}",
        re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
        checks.is_jwt,
        needs="eyJ",
    ),
    Detector(
        "secret",
        r"A(?:KIA|SIA|ROA|IDA)[A-Z0-9]{12}|AIza[\w\-]{8}|ya29\.[\w\-]{8}|gh[pousr]_[A-Za-z0-9]{8}"
        r"|github_pat_|glpat-[\w\-]{8}|xox[abeoprs]-[\w\-]{8}|[rs]k_(?:live|test)_\w{8}|whsec_"
        r"|sk-[\w\-]{16}|hf_[A-Za-z0-9]{16}|npm_[A-Za-z0-9]{16}|SG\.[\w\-]{16}|pypi-AgEI"
        r"|hooks\.slack\.com/services/T",
        re.compile(rf"(?<![A-Za-z0-9_])(?:{_PREFIXED})"),
    ),
    Detector(
        "authorization",
        r"(?i:bearer)\s+[\w\-.=+/~]{8}",
        re.compile(r"(?i:\bbearer)\s+(?P<v>[A-Za-z0-9\-._~+/]{8,}=*)"),
        checks.looks_secret,
    ),
    Detector(
        "authorization",
        r"(?i:basic)\s+[\w\-=+/]{8}",
        re.compile(r"(?i:\bbasic)\s+(?P<v>[A-Za-z0-9+/_-]{8,}=*)"),
        checks.is_basic,
    ),
    Detector(
        "password",
        r"://[^\s/@\x00-\x20]*:[^\s/@\x00-\x20]*@",
        re.compile(r"(?<=://)[^\s/:@]{0,64}:(?P<v>[^\s/@]{1,128})@"),
        needs="://",
    ),
    Detector(
        "password",
        rf"(?i:{_ASSIGNED.replace('-]', chr(92) + '-]')})\\?[\"']?\s*[:=]",
        re.compile(
            rf"(?i:(?<![A-Za-z])(?:{_ASSIGNED}))\\?[\"']?\s*(?:=|:(?!//))\s*\\?[\"']?"
            r"(?!(?i:none|null|true|false|undefined|bearer|basic)\b)(?P<v>[^\s\"',;&\\}\])]{3,})"
        ),
    ),
    Detector(
        "secret",
        r"(?i:token)\\?[\"']?\s*[:=]",
        re.compile(
            r"(?i:(?<![A-Za-z0-9])token)\\?[\"']?\s*[:=]\s*\\?[\"']?(?P<v>[^\s\"',;&\\}\])]{8,})"
        ),
        checks.looks_secret,
    ),
    Detector(
        "email",
        r"[\w%+'\-.\x80-\xff]@[A-Za-z0-9\x80-\xff][A-Za-z0-9.\-\x80-\xff]*\.[A-Za-z]{2}",
        re.compile(rf"{_LOCAL}(?<!\bgit)@{_DOMAIN}"),
        needs="@",
    ),
    Detector(
        "email",
        r"%40[A-Za-z0-9][A-Za-z0-9.\-]*\.[A-Za-z]{2}",
        re.compile(rf"{_LOCAL}%40{_DOMAIN}"),
        needs="%40",
    ),
    Detector(
        "iban",
        r"[A-Z]{2}\d{2} ?[A-Z0-9]{4} ?[A-Z0-9]{4} ?[A-Z0-9]{3}",
        re.compile(
            r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}"
            r"(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)(?![A-Za-z0-9])"
        ),
        checks.is_iban,
        needs="0",
    ),
    Detector(
        "fr_insee",
        rf"{_APART}\d{{6}}[AaBb]\d{{6}}|\d \d{{2}} \d{{2}} \d[\dAaBb] \d{{3}}",
        re.compile(
            r"(?<![\w.-])[12](?P<s> ?)[0-9]{2}(?P=s)(?:0[1-9]|1[0-2])(?P=s)(?:[0-9]{2}|2[ABab])"
            r"(?P=s)[0-9]{3}(?P=s)[0-9]{3}(?P=s)[0-9]{2}(?![\w.-])"
        ),
        checks.is_insee,
        needs="0",
    ),
    Detector(
        "card",
        rf"{_APART}\d{{13}}|\d{{4}}[ \-]\d{{4}}[ \-]\d{{4}}[ \-]\d|\d{{4}}[ \-]\d{{6}}[ \-]\d{{4}}",
        re.compile(
            r"(?<![\w.+-])(?:\d{13,19}|\d{4}(?P<s>[ -])\d{4}(?P=s)\d{4}(?P=s)\d{1,7}"
            r"|3\d{3}(?P<a>[ -])\d{6}(?P=a)\d{4,5})(?![\w-]|\.\d)"
        ),
        checks.is_card,
        needs="0",
    ),
    Detector(
        "us_ssn",
        r"\d{3}-\d{2}-\d{4}",
        re.compile(
            r"(?<![\w.-])(?!000|666|9\d\d)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\w-]|\.\d)"
        ),
        needs="0",
    ),
    Detector(
        "uk_nino",
        r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        re.compile(
            r"(?<![\w-])[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<s> ?)[0-9]{2}(?P=s)[0-9]{2}(?P=s)"
            r"[0-9]{2}(?P=s)[A-D](?![\w-])"
        ),
        checks.is_nino,
        needs="0",
    ),
    Detector(
        "es_dni",
        r"\d{7}-?[A-Z]",
        re.compile(r"(?<![\w.-])(?:[0-9]{8}|[XYZ]-?[0-9]{7})-?[A-HJ-NP-TV-Z](?![\w-])"),
        checks.is_dni,
        needs="0",
    ),
    Detector(
        "it_cf",
        r"[A-Z]{6}\d{2}[A-Z]\d{2}",
        re.compile(r"(?<![\w-])[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z](?![\w-])"),
        checks.is_codice_fiscale,
        needs="0",
    ),
    Detector(
        "br_cpf",
        r"\d{3}\.\d{3}\.\d{3}-\d{2}",
        re.compile(r"(?<![\w.-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![\w-])"),
        checks.is_cpf,
        needs="0",
    ),
    Detector(
        "ca_sin",
        r"\d{3}[ \-]\d{3}[ \-]\d{3}",
        re.compile(r"(?<![\w.-])(?<!\d )[0-9]{3}(?P<s>[ -])[0-9]{3}(?P=s)[0-9]{3}(?![\w.-]| \d)"),
        checks.is_sin,
        needs="0",
    ),
    Detector(
        "ip",
        r"(?:[1-9]|1[1-9]|[2-9]\d|1[013-68]\d|12[0-689]|17[0-9]|19[0-9]|2[0-2]\d)"
        r"\.\d{1,3}\.\d{1,3}\.\d{1,3}",
        re.compile(r"(?<![\w.-])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w-]|\.[0-9])"),
        checks.is_public_ip,
        re.compile(r"(?i:(?:[a-z]/|\bv|\bver|version|release|build)[ :=\"']*)\Z"),
        needs="0",
    ),
    Detector(
        "ip",
        rf"[23]{_H}{{3}}:(?::|{_H}{{1,4}}(?:::|:{_H}{{1,4}}(?:::|:{_H}{{1,4}}(?:::|:{_H}{{1,4}}:))))",
        re.compile(rf"(?<![\w:.])[23]{_H}{{3}}:[0-9A-Fa-f:]{{1,33}}{_H}(?!\w|:\w)"),
        checks.is_public_ip,
        needs="0",
    ),
    Detector(
        "phone",
        r"\+[1-9][\d .()\-]{6}",
        re.compile(
            r"(?<![\w+.])\+[1-9][0-9]{0,2}(?:[ .-]?(?:\([0-9]{1,4}\)|[0-9]{1,5})){2,6}"
            r"(?!\w|[:.]\d)"
        ),
        checks.is_phone,
        needs="0",
    ),
    Detector(
        "phone",
        r"\d{3}(?:\) ?|[ .\-])\d{3}[ .\-]\d{4}",
        re.compile(
            r"(?<![\w.+-])(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[-. ][0-9]{4}"
            r"|[2-9][0-9]{2}(?P<s>[-. ])[2-9][0-9]{2}(?P=s)[0-9]{4})(?![\w-]|\.\d)"
        ),
        needs="0",
    ),
    Detector(
        "phone",
        r"\d{2}(?:[ .]\d{2}){4}|\d{4} \d{3} ?\d{3}",
        re.compile(
            r"(?<![\w.+:-])(?:0[1-9](?P<s>[ .])[0-9]{2}(?:(?P=s)[0-9]{2}){3}"
            r"|0[1-9][0-9]{3} [0-9]{3} ?[0-9]{3}|0[1-9][0-9]{2} [0-9]{3} ?[0-9]{4})(?![\w-]|[ .]\d)"
        ),
        needs="0",
    ),
    Detector(
        "high_entropy",
        r"[A-Za-z0-9+/_\-]{40}",
        re.compile(r"(?<![\w+/-])[A-Za-z0-9+/_-]{40,200}(?![\w+/-])={0,2}"),
        checks.is_random,
        needs="0",
    ),
)
"""In the order of their claims: where two find the same, the first has it."""

KINDS = tuple(dict.fromkeys([*(d.name for d in DETECTORS), "national_id", "person"]))
"""Every name that a detector, or a field's name, gives to what it found."""

# A key of JSON; or one of protobuf, a label or a symbol, followed by the tag of what comes next.
_JSON_KEYS = rf"(?i:{names.HINT})\\?\"\s?:"
_KEYS = rf"(?i:{names.HINT})[\x12\x22\x2a]"


def _compile(hints: str) -> re2._Regexp:  # pyright: ignore[reportPrivateUsage]
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.never_capture = True
    options.max_mem = 64 << 20
    return re2.compile(hints.encode("latin-1"), options)


_VALUES = "|".join(f"(?:{detector.hint})" for detector in DETECTORS)
_BODY_HINTS = _compile(f"{_VALUES}|{_JSON_KEYS}|{_KEYS}")
_TEXT_HINTS = _compile(f"{_VALUES}|{_JSON_KEYS}")


SHORTEST = 6
"""No text so short is anything."""
SHORTEST_KEY = 16
"""No word so short is a key."""


def find_hints(body: bytes) -> list[int]:
    """Returns places in a request body at or in front of which there may be something, in order.

    Both ends of every match: what begins in one field by chance may end in what is meant.
    """
    return [place for match in _BODY_HINTS.finditer(body) for place in _ends(match)]


def is_suspicious(text: str) -> bool:
    """Says whether patterns may find anything in a text; most texts take 1 us."""
    if len(text) < SHORTEST or (len(text) < SHORTEST_KEY and text.isalpha()):
        return False
    return _TEXT_HINTS.search(b"\n" + text.encode("utf-8", "surrogatepass")) is not None


def detectors_for(text: str) -> list[Detector]:
    """Returns the detectors that are worth trying on a text."""
    has_digit = _DIGIT.search(text) is not None
    return [d for d in DETECTORS if (has_digit if d.needs == "0" else d.needs in text)]


def _ends(match: re2._Match) -> tuple[int, int]:  # pyright: ignore[reportPrivateUsage]
    return match.start(), match.end() - 1
