"""The metrics that are stored, by job, each with its type and what goes with it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vario.model.explore import MetricSeries
from vario.model.series import Metadata

_PARTS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True)
class MetricEntry:
    """One metric of one job.

    Attributes:
        type: Prometheus' word (counter, gauge, histogram, summary, ...).
        guessed: the type comes from the name alone; nobody declared it.
        series: label sets; of a classic histogram those without `le`.
        classic: there are `_bucket` series; `native`: there are native histograms.
    """

    name: str
    job: str
    type: str
    unit: str
    help: str
    series: int
    guessed: bool
    classic: bool
    native: bool


def join_parts(rows: Iterable[MetricSeries], known: Mapping[str, Metadata]) -> list[MetricEntry]:
    """Returns metrics with the parts of histograms and summaries joined under their name."""
    by_key = {(row.job, row.name): row for row in rows}
    entries: dict[tuple[str, str], MetricEntry] = {}
    for (job, name), row in by_key.items():
        family = _family(job, name, by_key, known)
        if (job, family) in entries:
            continue
        entries[job, family] = _entry(job, family, row, by_key, known)
    return [entries[key] for key in sorted(entries)]


def _family(
    job: str,
    name: str,
    rows: Mapping[tuple[str, str], MetricSeries],
    known: Mapping[str, Metadata],
) -> str:
    """Returns the name that a series' metric is declared under."""
    for part in _PARTS:
        if not name.endswith(part) or name in known:
            continue
        family = name.removesuffix(part)
        declared = known.get(family)
        if declared is not None and declared.type in ("histogram", "summary"):
            return family
        if declared is None and (job, f"{family}_bucket") in rows:
            return family
    return name


def _entry(
    job: str,
    name: str,
    row: MetricSeries,
    rows: Mapping[tuple[str, str], MetricSeries],
    known: Mapping[str, Metadata],
) -> MetricEntry:
    declared = known.get(name)
    own = rows.get((job, name))
    classic = (job, f"{name}_bucket") in rows
    counts = rows.get((job, f"{name}_count"))
    kind = declared.type if declared and declared.type != "unknown" else ""
    return MetricEntry(
        name=name,
        job=job,
        type=kind or _guess(name, own, classic=classic),
        unit=declared.unit if declared else "",
        help=declared.help if declared else "",
        series=(counts or own or row).series,
        guessed=not kind,
        classic=classic,
        native=own.native if own else False,
    )


def _guess(name: str, own: MetricSeries | None, *, classic: bool) -> str:
    if classic or (own and own.native):
        return "histogram"
    if own and own.quantiles:
        return "summary"
    if name.endswith(("_total", "_count", "_sum", "_bucket")):
        return "counter"
    if name.endswith("_info"):
        return "info"
    return "unknown"
