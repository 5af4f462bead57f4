"""Investigations, proofs and incidents as the API's shapes: nanoseconds become seconds here."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from vario.api.investigation_models import InvestigationOut, VerificationOut
from vario.api.shapes import to_seconds
from vario.model.investigation import Investigation, Verification

_IN_NANOSECONDS = "_ns"


def dump(value: Any) -> Any:
    """Returns a frozen value of the model as JSON's types.

    A field `x_ns` becomes `x` in seconds, null for 0; numbers that are not finite become null.

    >>> from vario.model.investigation import Moment
    >>> dump(Moment(1_500_000_000, "note", "hello"))
    {'time': 1.5, 'kind': 'note', 'text': 'hello', 'link': ''}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return dict(_dump_field(field.name, getattr(value, field.name)) for field in fields(value))
    if isinstance(value, Mapping):
        return {key: dump(one) for key, one in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, (tuple, list)):
        return [dump(one) for one in cast(tuple[Any, ...], value)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _dump_field(name: str, value: Any) -> tuple[str, Any]:
    if name.endswith(_IN_NANOSECONDS):
        return name.removesuffix(_IN_NANOSECONDS), to_seconds(value) if value else None
    return name, dump(value)


def show_investigation(found: Investigation) -> InvestigationOut:
    """Returns the answer to a question."""
    return InvestigationOut.model_validate(dump(found))


def show_verification(proof: Verification) -> VerificationOut:
    """Returns how far the proof of a fix is."""
    return VerificationOut.model_validate(dump(proof))
