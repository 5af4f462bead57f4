"""From what a target says to what is stored: the labels of one series."""

from collections.abc import Mapping

from vario.errors import BadData
from vario.ingest.scrape.config import Limits, ScrapeJob
from vario.ingest.scrape.relabel import relabel
from vario.model.series import Labels


def finish_labels(job: ScrapeJob, target: Labels, exposed: Labels) -> dict[str, str] | None:
    """Returns the labels of a series as they are stored, None where a rule drops the series.

    A label of the target that the series has too keeps the target's value, and the series' own
    moves to `exported_<name>`; with `honor_labels` it is the series' that stays, also if empty.

    Args:
        job: gives `honor_labels`, the rules, and the limits.
        target: labels of the target.
        exposed: labels as the target says them, empty values included.

    Raises:
        BadData: a limit is exceeded, or no metric name is left.
    """
    merged = _honor(target, exposed) if job.honor_labels else _export(target, exposed)
    labels = relabel(merged, job.metric_relabel_configs)
    if not labels:
        return None
    if "__name__" not in labels:
        raise BadData(f"metric_relabel_configs leave no metric name of {_show(exposed)}")
    _check_limits(job.limits, labels)
    return labels


def _honor(target: Labels, exposed: Labels) -> dict[str, str]:
    merged = dict(exposed)
    for name, value in target.items():
        merged.setdefault(name, value)
    return merged


def _export(target: Labels, exposed: Labels) -> dict[str, str]:
    merged = dict(exposed)
    moved = {name: exposed[name] for name in target if exposed.get(name)}
    merged.update(target)
    # Short names first, so that `exported_a` of the target's own meets `a` moved there.
    for name in sorted(moved, key=len):
        new = f"exported_{name}"
        while merged.get(new):
            new = f"exported_{new}"
        merged[new] = moved[name]
    return merged


def _check_limits(limits: Limits, labels: Mapping[str, str]) -> None:
    if limits.labels and len(labels) > limits.labels:
        raise BadData(
            f"label_limit exceeded ({len(labels)} labels, at most {limits.labels}) by "
            f"{_show(labels)}"
        )
    for name, value in labels.items():
        if limits.label_name_length and len(name.encode()) > limits.label_name_length:
            raise BadData(f"label_name_length_limit exceeded by {name!r} of {_show(labels)}")
        if limits.label_value_length and len(value.encode()) > limits.label_value_length:
            raise BadData(f"label_value_length_limit exceeded by {name!r} of {_show(labels)}")


def _show(labels: Labels) -> str:
    rest = ", ".join(f'{k}="{v}"' for k, v in labels.items() if k != "__name__")
    return f"{labels.get('__name__', '')}{{{rest}}}"[:300]
