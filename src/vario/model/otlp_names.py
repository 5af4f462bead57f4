"""Names of OTLP metrics and attributes as series have them.

The same translation as in `store/sql/ingest/metrics.sql`, where the engine does it for every point
of a large request; here it is asked for small requests and for metrics that are folded. A test
holds the two together.
"""

import re
from functools import lru_cache

_UNITS = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds",
    "us": "microseconds", "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes",
    "MiBy": "mebibytes", "GiBy": "gibibytes", "TiBy": "tebibytes", "KBy": "kilobytes",
    "kBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "TBy": "terabytes", "m": "meters",
    "V": "volts", "A": "amperes", "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius",
    "Hz": "hertz", "1": "", "%": "percent",
}  # fmt: skip
_PER = {
    "s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year",
}  # fmt: skip
_WORDS = re.compile(r"[a-zA-Z0-9:]+")


@lru_cache(maxsize=4096)
def family_name(name: str, unit: str, kind: str, *, monotonic: bool) -> str:
    """Returns the name under which a metric's series are stored.

    Args:
        name: the metric's name.
        unit: its unit (UCUM).
        kind: the field of its points: `gauge`, `sum`, ...
        monotonic: whether a sum only grows.

    Example:
        >>> family_name("http.server.requests", "{request}", "sum", monotonic=True)
        'http_server_requests_total'
    """
    words = _WORDS.findall(name)
    suffix = "total" if kind == "sum" and monotonic else ""
    if kind == "gauge" and unit == "1":
        suffix = "ratio"
    parts = [word for word in words if word != suffix or not suffix]
    parts += [word for word in unit_words(unit) if word not in words]
    bare = "_".join([*parts, *([suffix] if suffix else [])])
    return f"_{bare}" if bare and bare < ":" else bare


@lru_cache(maxsize=4096)
def unit_words(unit: str) -> tuple[str, ...]:
    """Returns what a unit (UCUM) adds to a name: at most two words.

    Example:
        >>> unit_words("By/s"), unit_words("{request}")
        (('bytes', 'per_second'), ())
    """
    main, _, per = (part.strip() for part in unit.partition("/"))
    per = per.partition("/")[0].strip()
    words = (
        "" if re.search("[{}]", main) else _word(_UNITS.get(main, main)),
        "" if not per or re.search("[{}]", per) else f"per_{_word(_PER.get(per, per))}",
    )
    return tuple(word for word in words if word)


@lru_cache(maxsize=8192)
def label_name(key: str) -> str:
    """Returns the label that an attribute becomes.

    Example:
        >>> label_name("user.id"), label_name("2nd")
        ('user_id', 'key_2nd')
    """
    name = re.sub(r"[^a-zA-Z0-9_]", "_", key)
    if name and name < ":":
        return f"key_{name}"
    return f"key{name}" if name.startswith("_") and not name.startswith("__") else name


def _word(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9:]+", "_", text).strip("_")
