"""Fields whose name promises trouble, whatever is in them."""

import re
from functools import lru_cache

_WORDS: dict[str, str] = {
    "password": r"password|passwd|pwd|passphrase|passcode|pin_code",
    "secret": (
        r"secret|secret_key|client_secret|api_?key|access_key|secret_access_key|token"
        r"|(?:access|auth|refresh|id|session|bearer|csrf|api|security)_?token|private_key"
        r"|encryption_key|signing_key|credentials?|authorization|proxy_authorization|cookie"
        r"|set_cookie|x_api_key|connection_string"
    ),
    "email": r"e_?mail|e_?mail_?address",
    "phone": r"(?:tele)?phone|(?:tele)?phone_?(?:number|no)|mobile_?(?:number|phone)|msisdn",
    "card": r"credit_?card|(?:credit_?)?card_?(?:number|no)|pan_number|cvv2?|cvc2?",
    "iban": r"iban|bank_?account(?:_?number)?",
    "national_id": (
        r"ssn|social_?security(?:_?(?:number|no))?|national_?id|tax_?id|passport(?:_?(?:number|no))?"
        r"|driving_?licen[cs]e|drivers_?licen[cs]e(?:_?(?:number|no))?|nino|dni|codice_?fiscale|cpf"
    ),
    "person": (
        r"(?:first|last|full|middle|maiden|given|family)_?name|surname|date_?of_?birth|dob|birth_?da"
        r"(?:te|y)|home_?address|street_?address|postal_?address"
    ),
}
_KINDS = {kind: re.compile(rf"(?:.*_)?(?:{words})", re.DOTALL) for kind, words in _WORDS.items()}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^A-Za-z0-9]+")

HINT = re.sub(r"_\??", r"[._\\-]?", "|".join(_WORDS.values()))
"""The words as RE2 finds them at the end of a name, whatever separates their parts."""


@lru_cache(maxsize=8192)
def kind_of(name: str) -> str:
    """Returns what a field of this name holds, empty if its name promises nothing.

    Example:
        >>> kind_of("user.email"), kind_of("dbPassword"), kind_of("gen_ai.usage.input_tokens")
        ('email', 'password', '')
    """
    if len(name) > 200:
        return ""
    plain = _SEPARATORS.sub("_", _CAMEL.sub("_", name)).strip("_").lower()
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(plain):
            return kind
    return ""
