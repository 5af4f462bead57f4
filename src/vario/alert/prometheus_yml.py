"""The part of a prometheus.yml that is about rules."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vario.alert.duration import parse_duration_ms
from vario.errors import BadData
from vario.model.series import Labels
from vario.wire.document import DocumentError, Item, read_document

_VARIABLE = re.compile(r"\$(?:\$|\{([^}]*)\}|(\w+))")


@dataclass(frozen=True, slots=True)
class RuleConfig:
    """What a prometheus.yml says of rules; None where it says nothing.

    Attributes:
        rule_files: paths and globs, relative to the folder of the file that names them.
        external_labels: labels that name this server, with variables of the environment filled in.
    """

    rule_files: tuple[str, ...] = ()
    evaluation_interval_s: float | None = None
    query_offset_s: float | None = None
    external_labels: Labels = field(default_factory=dict)


def read_rule_config(path: str, environment: Mapping[str, str] = os.environ) -> RuleConfig:
    """Reads `rule_files` and what `global` says of rules; all else is for others to judge.

    Args:
        path: the prometheus.yml.
        environment: values of `${NAME}` in external labels; an unknown name is empty.

    Raises:
        BadData: the file cannot be read, or what it says of rules makes no sense.
    """
    try:
        document = read_document(Path(path).read_text(encoding="utf-8"))
        return _read(document, os.path.dirname(path), environment)
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read: {error}") from error
    except DocumentError as error:
        raise BadData(f"{path}:{error.line}:{error.column}: {error}") from error


def _read(document: Item | None, folder: str, environment: Mapping[str, str]) -> RuleConfig:
    fields = document.fields("a prometheus.yml") if document else {}
    files = fields["rule_files"].items("rule_files") if "rule_files" in fields else ()
    base = fields["global"].fields("global") if "global" in fields else {}
    labels = base["external_labels"].texts("external_labels") if "external_labels" in base else {}
    return RuleConfig(
        tuple(os.path.join(folder, item.text("a rule file")) for item in files),
        _seconds(base, "evaluation_interval"),
        _seconds(base, "rule_query_offset"),
        {name: _VARIABLE.sub(_filled(environment), text) for name, text in labels.items()},
    )


def _seconds(fields: Mapping[str, Item], key: str) -> float | None:
    if key not in fields or not (text := fields[key].text(key)):
        return None
    try:
        return parse_duration_ms(text) / 1000
    except ValueError as error:
        raise fields[key].fail(f"{key}: {error}") from error


def _filled(environment: Mapping[str, str]) -> Callable[[re.Match[str]], str]:
    def fill(match: re.Match[str]) -> str:
        name = match[1] if match[1] is not None else match[2]
        return "$" if name is None else environment.get(name, "")

    return fill
