"""What part an attribute may play: where a request came from, how it was served, or what came out.

A cause is told by where (exogenous) or how (mediator). What came out (outcome) moves with every
symptom and explains none; an identifier names one request and explains nothing either.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from vario.model.filter import Field
from vario.store.base import FieldProfile

Role = Literal["exogenous", "mediator", "identifier", "outcome"]

MAX_VALUES = 60
"""An attribute with more values than this in a sample is no dimension."""

_KNOWN: Sequence[tuple[Role, str]] = (
    ("outcome", r"(.*[._])?(status|status_code|status_message|error|error\.type|exception\..*)"),
    ("outcome", r"(.*[._])?(duration|latency|elapsed|took|queue|queued|wait)(_s)?"),
    ("outcome", r".*_(ms|ns|us|seconds)"),
    ("outcome", r"(prediction|score|answer|result|response)([._].*)?"),
    ("outcome", r"http\.response\..*|rpc\.grpc\.status_code"),
    ("identifier", r"(.*[._])?(id|uuid|guid|trace_id|span_id|request_id|session_id|batch_id)"),
    ("identifier", r"url\.(full|query|path)|db\.(statement|query\.text)|user_agent.*|enduser\..*"),
    ("identifier", r"(client|source|network\.peer|net\.sock\.peer|net\.peer)\.?(address|port|ip)"),
    ("identifier", r"process\..*|os\..*|telemetry\..*|service\.instance\.id|.*\.port"),
    ("mediator", r"(.*[._])?cache[._]?(hit|miss|status|result|state)?"),
    ("mediator", r"(.*[._])?(batch_?size|queue_?(depth|length|size)|in_?flight|retr(ies|y_count))"),
    ("mediator", r"(.*[._])?(attempts?|resend_count|fallback|degraded|cold_?start|warm|throttled)"),
    ("mediator", r"(.*[._])?feature[s_]*(missing|used|count).*|.*missing.*"),
    ("mediator", r"(.*[._])?(tokens?|input_length|output_length|size|bytes|count|rows|candidates)"),
    ("exogenous", r"(.*[._])?(region|(availability_)?zone|cluster|namespace|environment(\.name)?)"),
    ("exogenous", r"(.*[._])?(version|model_version|model_name|release|variant|experiment|flag)"),
    ("exogenous", r"(.*[._])?(route|endpoint|method|tier|plan|tenant|customer|device|platform)"),
    ("exogenous", r"(.*[._])?(country|host(\.name)?|node(\.name)?|pod(\.name)?|instance|replica)"),
    ("exogenous", r"(server|peer|upstream)\.?(address|name|service)?|peer\.service|db\.system.*"),
)  # fmt: skip
_PATTERNS: list[tuple[Role, re.Pattern[str]]] = [
    (role, re.compile(pattern, re.IGNORECASE)) for role, pattern in _KNOWN
]

_FIRST = ("region", "model_version", "user_region", "http.route", "model_name", "tier")
"""Names that tell most: of two that say the same, the earlier gives the name."""

INTRINSIC = ("region", "model_version", "name")
"""Fields that every entry span has of its own."""
_COVERED = {
    "region": ("region", "cloud.region"),
    "model_version": ("model_version", "service.version"),
    "name": (),
}


def role_of(profile: FieldProfile) -> Role:
    """Returns the part that an attribute may play: by its name, else by the shape of its values.

    Example:
        >>> shape = FieldProfile(Field("attributes", "cache_hit"), 1.0, 2, ("false", "true"))
        >>> role_of(shape)
        'mediator'
    """
    if profile.distinct > MAX_VALUES and not _all_numbers(profile.values):
        return "identifier"
    for role, pattern in _PATTERNS:
        if pattern.fullmatch(profile.field.name):
            return role
    if profile.field.scope == "resource":
        return "exogenous"
    if _all_numbers(profile.values) and profile.distinct > 2:
        return "mediator"
    return "mediator" if set(profile.values) <= {"true", "false"} else "exogenous"


def choose_dimensions(profiles: Iterable[FieldProfile], most: int = 7) -> list[Field]:
    """Returns the exogenous fields worth cutting the traffic by, the more telling first.

    Own fields stand for the attributes that they are read from; constant ones say nothing.
    """
    found = {profile.field.name: profile for profile in profiles}
    chosen: list[Field] = []
    covered: set[str] = set()
    for name, sources in _COVERED.items():
        covered.update(sources)
        if name == "name" or any(one in found and found[one].distinct > 1 for one in sources):
            chosen.append(Field("intrinsic", name))
    usable = [
        profile
        for name, profile in found.items()
        if name not in covered
        and 1 < profile.distinct <= MAX_VALUES
        and profile.share > 0.05
        and role_of(profile) == "exogenous"
    ]
    usable.sort(key=lambda one: (_place(one.field.name), one.distinct, one.field.name))
    chosen.extend(profile.field for profile in usable)
    return chosen[:most]


def mediators(profiles: Iterable[FieldProfile]) -> Mapping[str, FieldProfile]:
    """Returns the attributes that say how requests were served, by name."""
    return {one.field.name: one for one in profiles if role_of(one) == "mediator"}


def _place(name: str) -> int:
    return _FIRST.index(name) if name in _FIRST else len(_FIRST)


def _all_numbers(values: Sequence[str]) -> bool:
    return bool(values) and all(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", value) for value in values)
