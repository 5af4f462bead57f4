"""What to write instead of what the guards took out. Pure."""

from vario.guard.folds import Fold

_BY_DETECTOR = {
    "email": "a key of your own for the person (user_id)",
    "phone": "a key of your own for the person (user_id)",
    "person": "a key of your own for the person (user_id)",
    "ip": "the region or network that you need of it; trusted addresses: allow field=...",
    "password": "nothing: log that a sign-in failed, never with what",
    "secret": "the name of the key, never the key; and renew this one, it has left your process",
    "authorization": "whether the header was there; and renew the token, it has left your process",
    "jwt": "the token's `jti` or subject key; and renew the token, it has left your process",
    "private_key": "the key's fingerprint; and renew the key, it has left your process",
    "high_entropy": "the name of the key; an id or hash: allow field=... if it is none of that",
    "card": "the last four digits or the payment provider's token",
    "iban": "a key of your own for the account",
}


def advise_found(detector: str, field: str) -> str:
    """Returns what to write instead of a kind of personal data."""
    instead = _BY_DETECTOR.get(detector, "a key of your own for the person (user_id)")
    return (
        f"in {field} write {instead}; if different values must be told apart, set the guard rule "
        f"'hash field={field} detector={detector}'"
    )


def advise_fold(fold: Fold) -> str:
    """Returns what to write instead of a label without bound."""
    if fold.reason == "ids":
        return (
            f"put {fold.label} on the span or the log record, not on {fold.metric}: an exemplar "
            "links the metric to the trace that has it"
        )
    return (
        f"label {fold.metric} with what {fold.label} belongs to (a route for a path, a class for a "
        f"code, a bucket for a size); if all of its values matter, set the cardinality rule "
        f"'{max(2 * fold.values, 2 * fold.budget)} metric={fold.metric} label={fold.label}'"
    )
