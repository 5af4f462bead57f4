"""The runbook of an SLO: what to check first, and then, in Markdown."""

from vario.slo.starter import Draft

_FIRST = {
    "latency": "Is it everybody or some? p95 by {by}, against yesterday at the same hour",
    "errors": "Is it everybody or some? Errors by {by}, against yesterday at the same hour",
    "availability": "Is it down, or does nobody reach it? Requests and errors by {by}",
    "feature_presence": "Which feature is missing, and where: missing features by {by}",
    "drift": "Which feature drifts, and since when",
    "gpu_utilisation": "Idle or saturated: utilisation beside the queue and the replicas",
}
_CAUSES = {
    "latency": (
        "A cold or small cache (cache misses up, one step of the trace up with them)",
        "A slow dependency (the slow span is a call to something else)",
        "Saturation (queue and GPU utilisation at their limits, traffic up)",
        "A release (the version changed at the same time)",
    ),
    "errors": (
        "A release (the version changed at the same time: roll back first, ask afterwards)",
        "A dependency that is down (errors begin in a span of another service)",
        "Overload (429, 503, timeouts, traffic up)",
        "Bad input (422 from one client or one region)",
    ),
    "availability": (
        "A release that does not start (restarts, readiness), or one that fails every request",
        "A dependency that everything needs (the feature store, the database, DNS)",
        "No capacity: GPUs gone, replicas at zero, a quota",
    ),
    "feature_presence": (
        "A pipeline that dropped a column (began with a deployment of the pipeline)",
        "A feature store that is down in one region (timeouts beside it)",
    ),
    "drift": (
        "A change of the input (a new client, a season, a campaign)",
        "A change of the pipeline (a unit, a default, a missing feature)",
    ),
    "gpu_utilisation": (
        "Batches of one (batch size in the spans of predict)",
        "More replicas than traffic needs, or fewer",
    ),
}


def render_runbook(draft: Draft) -> str:
    """Returns the runbook of a draft: six checks, in the order that finds most causes soonest."""
    by = draft.breakdown or "region"
    first = _FIRST[draft.kind].format(by=by)
    causes = "\n".join(f"- {cause}" for cause in _CAUSES[draft.kind])
    slow = "status = error"
    if draft.kind == "latency":
        slow = f"duration > {draft.objective.partition('<= ')[2].replace(' ', '')}"
    return f"""\
# {draft.name}: what to do when its alert fires

{draft.description}. The alert says that the error budget burns so fast that it matters now.
Service: {draft.service}. Metric: `{draft.metric}`. What was usual when this was written:
{draft.evidence}.

## Is it real?
`vario slo status {draft.name}` shows what is left, both windows, and which hour and group spent it.
If only the long window burns, it is over: note when it ended, and go on in the morning.

## Check, in this order
1. **{first}.**
   `vario query '{_split(draft, by)}'`
2. **What changed?** Deployments and versions: compare by `model_version`, and look at when the
   first requests of the newest version came. A release at that time is rolled back before it is
   understood.
3. **Look at a few bad requests.**
   `vario traces 'service.name = "{draft.service}" and {slow}'`
   Compare the spans of a bad one with those of a good one: which step is longer, or fails?
4. **Read what they say.** Logs of those traces:
   `vario logs 'service.name = "{draft.service}" and severity >= WARN'`
5. **What does it wait for?** Cache misses, upstream timeouts, queue length, GPU and CPU, of the
   group that burns, beside one that does not.
6. **Mend, then prove it.** Roll back, scale, or shed load; the short window must fall below the
   threshold within minutes. Write down cause and times while they are fresh.

## Usual causes
{causes}

## Who
Owner and severity stand in `slos.yml`. Hand over to the owner of the service whose span is slow.
"""


def _split(draft: Draft, by: str) -> str:
    if draft.kind == "latency":
        name, brace, rest = draft.selector.partition("{")
        return f"histogram_quantile(0.95, sum by (le, {by}) (rate({name}_bucket{brace}{rest}[5m])))"
    if draft.kind in ("drift", "gpu_utilisation"):
        return draft.selector
    return f"sum by ({by}) (rate({draft.selector}[5m]))"
