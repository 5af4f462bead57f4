CREATE TABLE IF NOT EXISTS {view:otlp_traces_in} (
    resource_spans Array(Tuple(
        resource Tuple(attributes {type:attributes}),
        scope_spans Array(Tuple(
            scope Tuple(name String, version String),
            spans Array(Tuple(
                trace_id String,
                span_id String,
                trace_state String,
                parent_span_id String,
                name String,
                kind Int32,
                start_time_unix_nano UInt64,
                end_time_unix_nano UInt64,
                attributes {type:attributes},
                events Array(Tuple(
                    time_unix_nano UInt64, name String, attributes {type:attributes})),
                links Array(Tuple(
                    trace_id String, span_id String, trace_state String,
                    attributes {type:attributes})),
                status Tuple(message String, code Int32)
            ))
        ))
    ))
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otlp_traces_mv} TO {of:otel_traces} AS
SELECT
    {nano:if(span.start_time_unix_nano = 0, span.end_time_unix_nano, span.start_time_unix_nano)}
        AS Timestamp,
    lower(hex(span.trace_id)) AS TraceId,
    lower(hex(span.span_id)) AS SpanId,
    lower(hex(span.parent_span_id)) AS ParentSpanId,
    span.trace_state AS TraceState,
    span.name AS SpanName,
    transform(span.kind, [1, 2, 3, 4, 5],
        ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS SpanKind,
    resource['service.name'] AS ServiceName,
    resource AS ResourceAttributes,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    {map:span.attributes} AS SpanAttributes,
    if(span.end_time_unix_nano > span.start_time_unix_nano,
        span.end_time_unix_nano - span.start_time_unix_nano, 0) AS Duration,
    transform(span.status.code, [1, 2], ['Ok', 'Error'], 'Unset') AS StatusCode,
    span.status.message AS StatusMessage,
    arrayMap(e -> {nano:e.time_unix_nano}, span.events) AS `Events.Timestamp`,
    span.events.name AS `Events.Name`,
    arrayMap(e -> {map:e.attributes}, span.events) AS `Events.Attributes`,
    arrayMap(l -> lower(hex(l.trace_id)), span.links) AS `Links.TraceId`,
    arrayMap(l -> lower(hex(l.span_id)), span.links) AS `Links.SpanId`,
    span.links.trace_state AS `Links.TraceState`,
    arrayMap(l -> {map:l.attributes}, span.links) AS `Links.Attributes`
FROM (
    SELECT
        resource,
        scope_spans.scope.name AS scope_name,
        scope_spans.scope.version AS scope_version,
        scope_spans.spans AS spans
    FROM (
        SELECT {map:rs.resource.attributes} AS resource, rs.scope_spans AS many
        FROM (SELECT arrayJoin(resource_spans) AS rs FROM otlp_traces_in)
    )
    ARRAY JOIN many AS scope_spans
)
ARRAY JOIN spans AS span;
