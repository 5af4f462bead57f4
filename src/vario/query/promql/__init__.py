"""PromQL as Prometheus 3 speaks it: text to tree, tree to plan, plan to arrays.

`engine.PromQL` is the face; it knows the store only as a `MetricReader`.
"""
