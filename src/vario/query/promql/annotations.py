"""Warnings and infos: what a query wants its reader to know, as values.

The texts are Prometheus' (util/annotations). Equal texts are reported once, at the first place.
"""

from dataclasses import dataclass, field

from vario.query.promql.lexer import Position, go_quote, line_column
from vario.query.promql.literals import format_general

_MONOTONICITY = (
    "input to histogram_quantile needed to be fixed for monotonicity "
    "(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
)


@dataclass(slots=True)
class Annotations:
    """Collects warnings and infos while a query is evaluated."""

    warnings: dict[str, Position] = field(default_factory=dict[str, Position])
    infos: dict[str, Position] = field(default_factory=dict[str, Position])

    def warn(self, text: str, position: Position) -> None:
        """Adds a warning."""
        self.warnings.setdefault(f"PromQL warning: {text}", position)

    def inform(self, text: str, position: Position) -> None:
        """Adds an info."""
        self.infos.setdefault(f"PromQL info: {text}", position)

    def texts(self, query: str) -> tuple[list[str], list[str]]:
        """Returns all warnings and all infos with their places."""
        return (
            [f"{text} ({line_column(query, at.start)})" for text, at in self.warnings.items()],
            [f"{text} ({line_column(query, at.start)})" for text, at in self.infos.items()],
        )

    # Warnings

    def bad_quantile(self, quantile: float, at: Position) -> None:
        """A quantile outside 0 to 1."""
        text = f"quantile value should be between 0 and 1, got {format_general(quantile)}"
        self.warn(text, at)

    def bad_ratio(self, ratio: float, cap: float, at: Position) -> None:
        """A ratio outside -1 to 1."""
        text = (
            "ratio value should be between -1 and 1, got "
            f"{format_general(ratio)}, capping to {format_general(cap)}"
        )
        self.warn(text, at)

    def bad_bucket_label(self, metric: str, label: str, at: Position) -> None:
        """A classic bucket whose `le` is no number."""
        text = f'bucket label "le" is missing or has a malformed value of {go_quote(label)}'
        self.warn(_with_metric(text, metric), at)

    def mixed_floats_histograms(self, metric: str, at: Position) -> None:
        """A range with floats and histograms, where the function cannot handle both."""
        text = f"encountered a mix of histograms and floats for metric name {go_quote(metric)}"
        self.warn(text, at)

    def mixed_aggregation(self, at: Position) -> None:
        """An aggregation over floats and histograms."""
        self.warn("encountered a mix of histograms and floats for aggregation", at)

    def mixed_classic_native(self, metric: str, at: Position) -> None:
        """Classic buckets and a native histogram under the same labels."""
        text = "vector contains a mix of classic and native histograms"
        self.warn(_with_metric(text, metric), at)

    def not_a_counter(self, metric: str, at: Position) -> None:
        """A gauge histogram where a counter is wanted."""
        self.warn(f"this native histogram metric is not a counter: {go_quote(metric)}", at)

    def not_a_gauge(self, metric: str, at: Position) -> None:
        """A counter histogram where a gauge is wanted."""
        self.warn(f"this native histogram metric is not a gauge: {go_quote(metric)}", at)

    def mixed_schemas(self, metric: str, at: Position) -> None:
        """Exponential and custom buckets together."""
        text = (
            "vector contains a mix of histograms with exponential and custom buckets schemas "
            f"for metric name {go_quote(metric)}"
        )
        self.warn(text, at)

    def incompatible_layout(self, operator: str, at: Position) -> None:
        """A binary operator between exponential and custom buckets."""
        self.warn(f"incompatible bucket layout encountered for binary operator {operator}", at)

    def reset_collision(self, operation: str, at: Position) -> None:
        """Two histograms of which one says "reset" and one "no reset"."""
        self.warn(f"conflicting counter resets during histogram {operation}", at)

    def useless_sort(self, at: Position) -> None:
        """A sort in a range query."""
        text = "sort is ineffective for range queries since results are always ordered by labels"
        self.warn(text, at)

    # Infos

    def possible_non_counter(self, metric: str, at: Position) -> None:
        """A rate of something that is not named as counters are."""
        text = (
            "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
            f"{go_quote(metric)}"
        )
        self.inform(text, at)

    def non_counter_label(self, metric: str, type_label: str, at: Position) -> None:
        """A rate of something whose `__type__` is not that of a counter."""
        text = (
            'metric might not be a counter, __type__ label is not set to "counter" or '
            f'"histogram", got {go_quote(type_label)}: {go_quote(metric)}'
        )
        self.inform(text, at)

    def forced_monotonicity(self, metric: str, at: Position) -> None:
        """Classic buckets that were not monotonic."""
        self.inform(_with_metric(_MONOTONICITY, metric), at)

    def incompatible_types(self, left: str, operator: str, right: str, at: Position) -> None:
        """A binary operator that these types of samples do not have."""
        text = (
            "incompatible sample types encountered for binary operator "
            f"{go_quote(operator)}: {left} {operator} {right}"
        )
        self.inform(text, at)

    def ignored_in_aggregation(self, aggregation: str, at: Position) -> None:
        """Histograms that an aggregation cannot handle."""
        self.inform(f"ignored histogram in {aggregation} aggregation", at)

    def ignored_in_range(self, metric: str, at: Position) -> None:
        """Histograms in a range of which the function takes the floats only."""
        text = (
            "ignored histograms in a range containing both floats and histograms "
            f"for metric name {go_quote(metric)}"
        )
        self.inform(text, at)

    def nan_quantile(self, metric: str, at: Position, *, skewed: bool) -> None:
        """NaN observations in the input of histogram_quantile."""
        effect = "skewed higher" if skewed else "NaN"
        text = f"input to histogram_quantile has NaN observations, result is {effect}"
        self.inform(_with_metric(text, metric), at)

    def nan_fraction(self, metric: str, at: Position) -> None:
        """NaN observations in the input of histogram_fraction."""
        text = (
            "input to histogram_fraction has NaN observations, "
            "which are excluded from all fractions"
        )
        self.inform(_with_metric(text, metric), at)

    def reconciled_bounds(self, operation: str, at: Position) -> None:
        """Custom bounds that differed."""
        self.inform(f"mismatched custom buckets were reconciled during {operation}", at)


def _with_metric(text: str, metric: str) -> str:
    return f"{text} for metric name {go_quote(metric)}" if metric else text
