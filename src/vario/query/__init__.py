"""Questions over stored telemetry: PromQL, the filter grammar, and judgement of what came back."""
