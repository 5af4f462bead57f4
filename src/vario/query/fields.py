"""The fields that a filter can name, for completion in the UI."""

from vario.model.filter import INTRINSIC_FIELDS
from vario.model.telemetry import Signal, TimeRange
from vario.query.filter_text import format_field
from vario.store.base import ServiceReader


def list_fields(reader: ServiceReader, signal: Signal, window: TimeRange) -> list[str]:
    """Returns field names as the grammar writes them: own fields first, then attributes seen."""
    seen = [format_field(field) for field in reader.find_fields(signal, window)]
    return [*INTRINSIC_FIELDS[signal], *seen]
