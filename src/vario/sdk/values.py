"""Values as log lines and attributes can hold them."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

_TEXT = frozenset((str,))


def plain(value: Any) -> Any:
    """Returns a value made of None, str, bool, int, float, list and dict.

    NumPy scalars and arrays become Python's numbers and lists; what is none of these becomes text.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, Sequence | set | frozenset):
        items = cast(Sequence[Any], value)
        return list(items) if _TEXT.issuperset(map(type, items)) else [plain(i) for i in items]
    if callable(tolist := getattr(value, "tolist", None)):
        return plain(tolist())
    return str(value)


def attribute(value: Any) -> str | bool | int | float | list[str] | list[float]:
    """Returns a value as an attribute of a span or log record can hold it.

    Lists of one kind stay lists; anything nested becomes JSON text.
    """
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, list):
        items = cast(list[Any], value)
        if _TEXT.issuperset(map(type, items)):
            return cast(list[str], items)
        if all(isinstance(item, int | float) and not isinstance(item, bool) for item in items):
            return [float(item) for item in items]
    return to_json(value) if isinstance(value, list | dict) else value


def to_json(value: Any) -> str:
    """Returns strict JSON on one line; NaN and the infinities, which JSON lacks, become null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_finite(item) for item in cast(list[Any], value)]
    return value
