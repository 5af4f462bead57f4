"""Which labels come out of an expression, and between which bounds its values lie."""

import math

import pytest

from vario.lint.reach import Reach, is_share, reach, scale
from vario.lint.tree import label_flow
from vario.query.promql.parser import parse

INF = math.inf


@pytest.mark.parametrize(
    ("expr", "lost", "kept"),
    [
        ("x", "", "instance"),
        ("sum(x)", "instance region", ""),
        ("sum by (region) (x)", "instance", "region"),
        ("sum without (region) (x)", "region", "instance"),
        ("topk(3, x)", "", "instance"),
        ("topk(3, sum by (region) (x))", "instance", "region"),
        ("sum by (a) (x) / sum by (a) (y)", "instance", "a"),
        ("x / on (a) y", "instance", "a"),
        ("x / on (a) group_left (b) sum by (a, b) (y)", "", "instance a b"),
        ("sum by (a) (x) * on (a) group_left (b) y", "instance", "a b"),
        ("sum by (a) (x) * on (a) group_right () y", "", "instance"),
        ("x - ignoring (a) y", "a", "instance"),
        ("sum(x) or y", "", "instance"),
        ("sum by (a) (x) or sum by (b) (y)", "instance", "a b"),
        ("sum by (a) (x) and on (a) y", "instance", "a"),
        ("y unless sum(x)", "", "instance"),
        ("5 < sum by (a) (x)", "instance", "a"),
        ("sum by (a) (x) > 5", "instance", "a"),
        ("histogram_quantile(0.9, sum by (le, a) (rate(x_bucket[5m])))", "le instance", "a"),
        ('absent(x{a="b", c=~"d"})', "c instance", "a"),
        ("absent(sum(x))", "a instance", ""),
        ('label_replace(sum(x), "a", "b", "", "")', "instance", "a"),
        ('count_values("v", x)', "instance", "v"),
        ("vector(1)", "instance", ""),
        ("max_over_time(sum by (a) (x)[1h:])", "instance", "a"),
        ("-sum by (a) (x)", "instance", "a"),
        ("quantile(0.9, x)", "instance", ""),
    ],
)
def test_labels_flow(expr: str, lost: str, kept: str) -> None:
    flow = label_flow(parse(expr))
    assert [label for label in lost.split() if not flow.lacks(label)] == []
    assert [label for label in kept.split() if flow.lacks(label)] == []


@pytest.mark.parametrize(
    ("expr", "bounds"),
    [
        ("x", Reach(-INF, INF)),
        ("up", Reach(0, 1)),
        ("sum(up)", Reach(0, INF)),
        ("avg(up)", Reach(0, 1)),
        ("count(x)", Reach(1, INF)),
        ("absent(x)", Reach(1, 1)),
        ("rate(x[5m])", Reach(0, INF)),
        ("1 - avg(up)", Reach(0, 1)),
        ("100 * avg(up)", Reach(0, 100)),
        ("up + up", Reach(0, 2)),
        ("x == bool 1", Reach(0, 1)),
        ("3 <= up", Reach(0, 1)),
        ("sum(rate(x{a='b'}[5m])) / sum(rate(x[5m]))", Reach(0, 1)),
        ("sum(rate(x[5m])) / sum(rate(y[5m]))", Reach(0, INF)),
        ("quantile_over_time(0.5, up[1h])", Reach(0, 1)),
        ("min_over_time(sum(up)[1h:])", Reach(0, INF)),
    ],
)
def test_values_have_bounds(expr: str, bounds: Reach) -> None:
    assert reach(parse(expr)) == bounds


@pytest.mark.parametrize(
    ("expr", "share"),
    [
        ("sum(rate(x{a='b'}[5m])) / sum(rate(x[5m]))", True),
        ("(sum by (c) (increase(x{a='b'}[5m]))) / (sum by (c) (increase(x[5m])))", True),
        ("sum(rate(x{a='b'}[5m])) / sum(rate(x[1h]))", False),
        ("sum(rate(x{a='b'}[5m])) / sum(rate(x{c='d'}[5m]))", False),
        ("avg(rate(x{a='b'}[5m])) / avg(rate(x[5m]))", False),
        ("sum(rate(x[5m])) / sum by (c) (rate(x[5m]))", False),
        ("sum(x{a='b'}) * sum(x)", False),
    ],
)
def test_a_part_over_its_whole_is_known(expr: str, share: bool) -> None:
    assert is_share(parse(expr)) is share


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ("gpu_utilization_ratio", "ratio"),
        ("100 * gpu_utilization_ratio", "percent"),
        ("1 - cache_hit_ratio", "ratio"),
        ("100 - DCGM_FI_DEV_GPU_UTIL", "percent"),
        ("avg by (a) (avg_over_time(x_percent[5m]))", "percent"),
        ("vllm:kv_cache_usage_perc", "ratio"),
        ("sum(x_ratio)", ""),
        ("x_ratio / y_ratio", ""),
    ],
)
def test_ratios_and_percents_are_told_apart(expr: str, wanted: str) -> None:
    assert scale(parse(expr)) == wanted
