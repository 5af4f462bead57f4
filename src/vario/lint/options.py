"""The lint configuration: what is not asked, and what is known of the services."""

import fnmatch
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from vario.errors import BadData
from vario.lint.facts import Facts, LogSchema
from vario.query.promql.literals import parse_duration_ms
from vario.wire.document import DocumentError, Item, read_document

FILE_NAME = ".vario-lint.yml"
"""Read from the working folder if it is there."""

_FIELDS = frozenset(
    {"disable", "scrape_interval", "high_cardinality_labels", "buckets", "logs", "files"}
)
_LOG_FIELDS = frozenset({"required", "request", "ids"})
_LOG_TYPES = frozenset({"string", "integer", "number", "boolean"})


@dataclass(frozen=True, slots=True)
class Options:
    """What the configuration says.

    Attributes:
        disabled: codes that are asked nowhere.
        files: codes that are not asked of files that match a pattern.
    """

    facts: Facts = field(default_factory=Facts)
    disabled: frozenset[str] = frozenset()
    files: tuple[tuple[str, frozenset[str]], ...] = ()

    def disabled_in(self, path: str) -> frozenset[str]:
        """Returns the codes that are not asked of a file."""
        own = [codes for pattern, codes in self.files if fnmatch.fnmatch(path, pattern)]
        return self.disabled.union(*own)


def load_options(path: Path, codes: Collection[str]) -> Options:
    """Returns what a configuration file says.

    Args:
        path: the file.
        codes: the codes that there are.

    Raises:
        BadData: it cannot be read, or something in it makes no sense.
    """
    try:
        return read_options(path.read_text(encoding="utf-8"), codes)
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path}: cannot be read: {error}") from error
    except DocumentError as error:
        raise BadData(f"{path}:{error.line}:{error.column}: {error}") from error


def read_options(text: str, codes: Collection[str]) -> Options:
    """Returns what the text of a configuration says.

    Raises:
        DocumentError: something in it makes no sense.
    """
    document = read_document(text)
    fields = document.fields("the lint configuration", _FIELDS) if document else {}
    facts = Facts()
    if "scrape_interval" in fields:
        facts = replace(facts, scrape_interval_s=_seconds(fields["scrape_interval"]))
    if "high_cardinality_labels" in fields:
        labels = fields["high_cardinality_labels"].items("high_cardinality_labels")
        facts = replace(facts, high_cardinality=frozenset(item.text("a label") for item in labels))
    if "buckets" in fields:
        buckets = fields["buckets"].fields("buckets")
        facts = replace(facts, buckets={name: _bounds(item) for name, item in buckets.items()})
    if "logs" in fields:
        facts = replace(facts, logs=_log_schema(fields["logs"]))
    files = fields["files"].fields("files") if "files" in fields else {}
    return Options(
        facts,
        _codes(fields["disable"], codes) if "disable" in fields else frozenset(),
        tuple((pattern, _file_codes(item, codes)) for pattern, item in files.items()),
    )


def _codes(item: Item, known: Collection[str]) -> frozenset[str]:
    found: set[str] = set()
    for each in item.items("disable"):
        code = each.text("a code").upper()
        if code not in known:
            raise each.fail(f"there is no rule {code}; `vario lint --list` has them all")
        found.add(code)
    return frozenset(found)


def _file_codes(item: Item, known: Collection[str]) -> frozenset[str]:
    fields = item.fields("a pattern's settings", frozenset({"disable"}))
    return _codes(fields["disable"], known) if "disable" in fields else frozenset()


def _seconds(item: Item) -> float:
    try:
        return parse_duration_ms(item.text("scrape_interval")) / 1000
    except ValueError as error:
        raise item.fail(f"scrape_interval: {error}") from error


def _bounds(item: Item) -> tuple[float, ...]:
    bounds: list[float] = []
    for each in item.items("bucket bounds"):
        try:
            bounds.append(float(each.text("a bound")))
        except ValueError as error:
            raise each.fail(f"{each.text('a bound')!r} is no number") from error
    return tuple(sorted(bounds))


def _log_schema(item: Item) -> LogSchema:
    fields = item.fields("logs", _LOG_FIELDS)
    schema = LogSchema()
    if "required" in fields:
        schema = replace(schema, required=_log_types(fields["required"]))
    if "request" in fields:
        schema = replace(schema, request_fields=_log_types(fields["request"]))
    if "ids" in fields:
        ids = tuple(each.text("an id") for each in fields["ids"].items("ids"))
        schema = replace(schema, request_ids=ids)
    return schema


def _log_types(item: Item) -> dict[str, str]:
    types = item.texts("fields of logs")
    for name, text in types.items():
        unknown = set(text.split("|")) - _LOG_TYPES
        if unknown:
            allowed = ", ".join(sorted(_LOG_TYPES))
            raise item.fail(f"{name}: {sorted(unknown)[0]!r} is no type; types are {allowed}")
    return types
