"""Features that models no longer get, or that look otherwise: for whom, in which version, since when.

Read from the metrics that the SDK sends, or anything of the same names: `feature_missing_total`
over `predictions_total`, `feature_presence_ratio`, `drift_psi`; and from what the drift watch holds.
"""  # noqa: E501

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from vario.investigate.case import Case, Clue
from vario.investigate.evidence import Notebook
from vario.investigate.frame import Frame, believe, frame_of, judge_time, make_effect, percent
from vario.investigate.rates import (
    FALSE_DISCOVERIES,
    Change,
    Floats,
    Stratum,
    adjust,
    compare_shares,
    find_start,
    pool_risks,
    score_shift,
)
from vario.investigate.reader import DriftFact, Reader
from vario.model.investigation import Evidence, Finding
from vario.model.series import LabelPairs, Matcher

MISSING = "feature_missing_total"
TOTALS = ("predictions_total", "inference_requests_total")
_NO_SEGMENT = frozenset({
    "__name__", "job", "instance", "feature", "model_name", "model_version", "service_version",
    "le", "category", "reason", "status_code", "route", "accepted",
})  # fmt: skip
_MOST_SEGMENTS = 2
_LEAST_RISE = 0.02
"""Of all predictions, so many more must lack a feature."""
_LEAST_RATIO = 1.5
_CLEAR_SHIFT = 6.0
"""Robust deviations that a gauge of a feature must move."""

Cell = tuple[str, ...]


@dataclass(slots=True)
class _Gone:
    """A feature that is missing more often: in which cells, and how often in all of them."""

    feature: str
    cells: list[Cell] = field(default_factory=list[Cell])
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class _Counts:
    """Rows without each feature, and all rows, by cell (values of the segments) and step."""

    segments: tuple[str, ...]
    total: str
    selector: str
    missing: Mapping[tuple[str, Cell], Floats]
    rows: Mapping[Cell, Floats]

    def sum_up(self, feature: str, cells: Sequence[Cell]) -> tuple[Floats, Floats]:
        """Returns rows without the feature and all rows by step, over some cells."""
        empty = np.zeros_like(next(iter(self.rows.values())))
        gone = sum((self.missing.get((feature, cell), empty) for cell in cells), empty)
        return gone, sum((self.rows[cell] for cell in cells), empty)


def probe_features(reader: Reader, case: Case) -> Sequence[Clue]:
    """Returns features that are missing more often than before, or drift."""
    frame = frame_of(case, 45)
    counts = _count(reader, case, frame)
    clues: list[Clue] = []
    if counts is not None:
        book = Notebook(reader)
        gone = _find_gone(frame, counts)
        clues += [_tell_gone(reader, book, case, frame, counts, one) for one in gone]
    told = {clue.subject.get("feature") for clue in clues if isinstance(clue, Finding)}
    clues += [
        one for one in _probe_gauges(reader, case, frame) if one.subject["feature"] not in told
    ]
    told |= {clue.subject.get("feature") for clue in clues if isinstance(clue, Finding)}
    clues += [_tell_drift(case, fact) for fact in _pick_facts(reader.drift, told)]
    return clues


def _count(reader: Reader, case: Case, frame: Frame) -> _Counts | None:
    model = f'model_name="{_escape(case.question.model)}"' if case.question.model else ""
    series = reader.evaluate(_at_any(MISSING, model, frame), frame.span.end_ns)
    if not series:
        return None
    segments = _find_segments([labels for labels, _ in series])
    by = ", ".join(segments)
    range_ = f"{frame.step_ns // 10**6}ms"
    for total in TOTALS:
        found = reader.evaluate_range(
            f"sum by ({by}) (increase({total}{{{model}}}[{range_}]))", frame.span, frame.step_ns
        )
        if len(found.labels):
            break
    else:
        return None
    rows = {
        _cell(labels, segments): np.nan_to_num(values)
        for labels, values in zip(found.labels, found.values, strict=True)
    }
    inside = ", ".join((*segments, "feature"))
    lost = reader.evaluate_range(
        f"sum by ({inside}) (increase({MISSING}{{{model}}}[{range_}]))", frame.span, frame.step_ns
    )
    missing = {
        (dict(labels).get("feature", ""), _cell(labels, segments)): np.nan_to_num(values)
        for labels, values in zip(lost.labels, lost.values, strict=True)
    }
    return _Counts(segments, total, model, missing, rows)


def _at_any(metric: str, selector: str, frame: Frame) -> str:
    return f"last_over_time({metric}{{{selector}}}[{frame.span.duration_ns // 10**6}ms])"


def _find_segments(series: Sequence[LabelPairs]) -> tuple[str, ...]:
    """Returns the labels that divide the traffic, those with the fewest values first."""
    values: dict[str, set[str]] = {}
    for labels in series:
        for name, value in labels:
            if name not in _NO_SEGMENT:
                values.setdefault(name, set()).add(value)
    usable = [name for name, seen in values.items() if 1 < len(seen) <= 30]
    usable.sort(key=lambda name: (name != "region", len(values[name]), name))
    return tuple(usable[:_MOST_SEGMENTS])


def _cell(labels: LabelPairs, segments: Sequence[str]) -> Cell:
    given = dict(labels)
    return tuple(given.get(name, "") for name in segments)


def _find_gone(frame: Frame, counts: _Counts) -> list[_Gone]:
    """Returns the features that are missing more often, with the cells where they are."""
    tested = [
        (feature, cell, compare_shares(*frame.tallies(lost, np.maximum(counts.rows[cell], lost))))
        for (feature, cell), lost in sorted(counts.missing.items())
        if cell in counts.rows and counts.rows[cell][frame.after].sum() >= 20
    ]
    adjusted = adjust([change.p for *_, change in tested])
    found: dict[str, _Gone] = {}
    for (feature, cell, change), q in zip(tested, adjusted, strict=True):
        if q <= FALSE_DISCOVERIES and _is_large(change):
            gone = found.setdefault(feature, _Gone(feature))
            gone.cells.append(cell)
            gone.q = min(gone.q, q)
    return list(found.values())


def _is_large(change: Change) -> bool:
    return change.low >= _LEAST_RISE and change.ratio_low >= _LEAST_RATIO


def _tell_gone(
    reader: Reader, book: Notebook, case: Case, frame: Frame, counts: _Counts, gone: _Gone
) -> Finding:
    lost, rows = counts.sum_up(gone.feature, gone.cells)
    change = compare_shares(*frame.tallies(lost, np.maximum(rows, lost)))
    with np.errstate(divide="ignore", invalid="ignore"):
        start = find_start(np.where(rows > 0, lost / rows, np.nan), frame.boundary(case.onset_ns))
    began_ns = 0 if start is None else frame.start_of(start)
    others = [cell for cell in counts.rows if cell not in gone.cells]
    version, contrast = _find_version(reader, case, frame, counts, gone)
    where = _limits(counts.segments, gone.cells, whole=not others)
    subject = {"feature": gone.feature, **({"model_version": version} if version else {}), **where}
    well = ""
    if others:
        rest, all_rest = counts.sum_up(gone.feature, others)
        after = float(rest[frame.after].sum() / max(all_rest[frame.after].sum(), 1e-9))
        well = f"elsewhere it is missing from {percent(after)}"
    within = _overlap(case, counts, gone)
    confidence = believe(
        q=gone.q,
        timing=judge_time(case, began_ns),
        control=1.0 if others or contrast else 0.75,
        explained=within if case.symptom == "quality" else 0.25,
    )
    place = f" in {', '.join(where.values())}" if where else ""
    since = f" of {version}" if version else ""
    return Finding(
        kind="feature",
        subject=subject,
        statement=(
            f"{gone.feature} is missing from {percent(change.after)} of the predictions{since}"
            f"{place}, before from {percent(change.before)}."
        ),
        effect=make_effect(
            f"share of predictions without {gone.feature}", "1", change.before, change.after,
            (change.low, change.high),
        ),
        confidence=confidence,
        onset_ns=began_ns,
        evidence=_cite(book, case, counts, gone),
        supports=tuple(filter(None, (well, contrast))),
        cause="release" if version else "feature",
        next_step=(
            f"Restore {gone.feature} in the pipeline{since}{place}, or take the release back; check"
            " feature_presence_ratio by region before the next deploy."
        ),
    )  # fmt: skip


def _limits(segments: Sequence[str], cells: Sequence[Cell], *, whole: bool) -> dict[str, str]:
    if whole:
        return {}
    return {
        name: ", ".join(sorted({cell[place] for cell in cells}))
        for place, name in enumerate(segments)
    }


def _overlap(case: Case, counts: _Counts, gone: _Gone) -> float:
    """Returns the share of the cells without the feature that lie within the case's scope."""
    wanted = {name: case.scope[name] for name in counts.segments if name in case.scope}
    if not wanted:
        return 1.0
    inside = [
        cell
        for cell in gone.cells
        if all(cell[counts.segments.index(name)] == value for name, value in wanted.items())
    ]
    return len(inside) / len(gone.cells) if inside else 0.0


def _find_version(
    reader: Reader, case: Case, frame: Frame, counts: _Counts, gone: _Gone
) -> tuple[str, str]:
    """Returns the version that lost the feature, empty if none, and what tells it from others."""
    range_ = f"{case.window.duration_ns // 10**6}ms"
    by = ", ".join((*counts.segments, "model_version"))
    chosen = ", ".join(filter(None, (counts.selector, f'feature="{_escape(gone.feature)}"')))
    lost = _by_version(
        reader.evaluate(
            f"sum by ({by}) (increase({MISSING}{{{chosen}}}[{range_}]))", case.window.end_ns
        ),
        counts.segments,
    )
    rows = _by_version(
        reader.evaluate(
            f"sum by ({by}) (increase({counts.total}{{{counts.selector}}}[{range_}]))",
            case.window.end_ns,
        ),
        counts.segments,
    )
    shares: dict[str, float] = {}
    for (cell, version), count in rows.items():
        if cell in gone.cells:
            shares[version] = shares.get(version, 0.0) + count
    least = 0.01 * sum(shares.values())
    versions = sorted(version for version, count in shares.items() if version and count > least)
    for version in versions:
        strata = [
            Stratum(
                lost.get((cell, version), 0.0),
                rows.get((cell, version), 0.0),
                sum(lost.get((cell, other), 0.0) for other in versions if other != version),
                sum(rows.get((cell, other), 0.0) for other in versions if other != version),
            )
            for cell in gone.cells
        ]
        risk = pool_risks(strata, 4.0)
        if risk is not None and risk.low > 1.5:
            text = (
                f"{risk.ratio:.1f} times as often as in other versions at the same time and place"
            )
            return version, text
    if len(versions) == 1 and versions[0] not in _versions_before(reader, case, counts):
        return versions[0], ""
    return "", ""


def _by_version(
    answer: Sequence[tuple[LabelPairs, float]], segments: Sequence[str]
) -> dict[tuple[Cell, str], float]:
    return {
        (_cell(labels, segments), dict(labels).get("model_version", "")): value
        for labels, value in answer
    }


def _versions_before(reader: Reader, case: Case, counts: _Counts) -> set[str]:
    """Returns the versions that served before: more than what spills over at the onset."""
    range_ = f"{case.baseline.duration_ns // 10**6}ms"
    answer = reader.evaluate(
        f"sum by (model_version) (increase({counts.total}{{{counts.selector}}}[{range_}]))",
        case.baseline.end_ns,
    )
    least = 0.05 * sum(value for _, value in answer)
    return {dict(labels).get("model_version", "") for labels, value in answer if value > least}


def _cite(book: Notebook, case: Case, counts: _Counts, gone: _Gone) -> tuple[Evidence, ...]:
    limits = [counts.selector] if counts.selector else []
    for place, name in enumerate(counts.segments):
        values = sorted({_regex(cell[place]) for cell in gone.cells})
        limits.append(f'{name}=~"{"|".join(values)}"')
    where, feature = ", ".join(limits), f'feature="{_escape(gone.feature)}"'
    evidence: list[Evidence] = []
    for when, part in (("before", case.baseline), ("since then", case.window)):
        range_ = f"{part.duration_ns // 10**6}ms"
        lost = f"sum(increase({MISSING}{{{', '.join([feature, *limits])}}}[{range_}]))"
        query = f"({lost} or vector(0)) / sum(increase({counts.total}{{{where}}}[{range_}]))"
        title = f"share without {gone.feature} {when}"
        evidence.append(book.ask(title, "promql", query, part))
    return tuple(evidence)


def _probe_gauges(reader: Reader, case: Case, frame: Frame) -> list[Finding]:
    """Returns features whose presence fell, or whose drift rose, by gauges that users export."""
    found: list[Finding] = []
    known = reader.store.find_label_values(
        "__name__", [[Matcher("feature", "=~", ".+")]], case.history.start_ns // 10**6,
        case.history.end_ns // 10**6,
    )  # fmt: skip
    for metric in known:
        falls = metric.endswith("presence_ratio")
        if not falls and "psi" not in metric.split("_"):
            continue
        measured = reader.evaluate_range(metric, frame.span, frame.step_ns)
        for labels, values in zip(measured.labels, measured.values, strict=True):
            given = dict(labels)
            before, after = values[frame.before], values[frame.after]
            shift = score_shift(before, after)
            if abs(shift) < _CLEAR_SHIFT or (shift < 0) != falls:
                continue
            old, new = float(np.nanmedian(before)), float(np.nanmedian(after))
            if abs(new - old) < (_LEAST_RISE if falls else 0.1):
                continue
            start = find_start(values, frame.boundary(case.onset_ns))
            found.append(_tell_gauge(reader, case, given, (metric, old, new), frame, start))
    found.sort(key=lambda one: -one.confidence)
    return found[:3]


def _tell_gauge(
    reader: Reader, case: Case, labels: Mapping[str, str], moved: tuple[str, float, float],
    frame: Frame, start: int | None,
) -> Finding:  # fmt: skip
    metric, old, new = moved
    began_ns = 0 if start is None else frame.start_of(start)
    shown = {
        name: value for name, value in labels.items()
        if name in ("feature", "model_version") or name not in _NO_SEGMENT
    }  # fmt: skip
    selector = ", ".join(
        f'{name}="{_escape(value)}"' for name, value in labels.items() if name != "__name__"
    )
    book = Notebook(reader)
    evidence = tuple(
        book.ask(
            f"{metric} {when}", "promql",
            f"avg(avg_over_time({metric}{{{selector}}}[{part.duration_ns // 10**6}ms]))", part,
        )
        for when, part in (("before", case.baseline), ("since then", case.window))
    )  # fmt: skip
    return Finding(
        kind="feature",
        subject=shown,
        statement=f"{metric} of {labels.get('feature', '')} went from {old:.3g} to {new:.3g}.",
        effect=make_effect(metric, "1", old, new, (new - old, new - old)),
        confidence=believe(
            q=1e-4,
            timing=judge_time(case, began_ns),
            explained=None if case.symptom == "quality" else 0.2,
            ceiling=0.8,
        ),
        onset_ns=began_ns,
        evidence=evidence,
        cause="feature",
        next_step=f"Look at what the pipeline does with {labels.get('feature', '')}.",
    )


def _pick_facts(facts: Sequence[DriftFact], told: set[str | None]) -> list[DriftFact]:
    """Returns the clearest fact of each feature that is not told yet."""
    best: dict[str, DriftFact] = {}
    for fact in facts:
        if fact.kind == "stable" or fact.feature in told or fact.p > FALSE_DISCOVERIES:
            continue
        known = best.get(fact.feature)
        if known is None or (fact.p, -fact.rows) < (known.p, -known.rows):
            best[fact.feature] = fact
    return list(best.values())[:3]


def _tell_drift(case: Case, fact: DriftFact) -> Finding:
    version = {"model_version": fact.model_version} if fact.model_version else {}
    if fact.kind == "drifted":
        what = f"{fact.feature} drifted: PSI {fact.after:.2f}"
    else:
        noun = "missing values" if fact.kind == "missing" else "values that the reference lacks"
        what = f"{noun} of {fact.feature}: {percent(fact.after)}, before {percent(fact.before)}"
    place = f" in {', '.join(fact.segment.values())}" if fact.segment else ""
    moved = fact.after - fact.before
    # A share rests on rows; what a distance would be by chance is in its p.
    chance = fact.after * (1 - fact.after) / max(fact.rows, 1) if fact.kind != "drifted" else 0.0
    reach = 1.96 * math.sqrt(max(chance, 0.0))
    bounds = (moved - reach, moved + reach)
    return Finding(
        kind="feature",
        subject={"feature": fact.feature, **version, **fact.segment},
        statement=f"{what}{place}.",
        effect=make_effect(fact.kind, "1", fact.before, fact.after, bounds),
        confidence=believe(
            q=fact.p,
            timing=judge_time(case, fact.since_ns),
            explained=None if case.symptom == "quality" else 0.2,
            ceiling=0.8,
        ),
        onset_ns=fact.since_ns,
        cause="feature",
        next_step=f"Compare {fact.feature} with its reference on the drift page.",
    )


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _regex(text: str) -> str:

    return _escape(re.sub(r"([.+*?()|\[\]{}^$\\])", r"\\\1", text))
