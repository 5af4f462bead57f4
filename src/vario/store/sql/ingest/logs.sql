CREATE TABLE IF NOT EXISTS {view:otlp_logs_in} (
    resource_logs Array(Tuple(
        resource Tuple(attributes {type:attributes}),
        scope_logs Array(Tuple(
            scope Tuple(name String, version String, attributes {type:attributes}),
            log_records Array(Tuple(
                time_unix_nano UInt64,
                observed_time_unix_nano UInt64,
                severity_number Int32,
                severity_text String,
                body {type:value},
                attributes {type:attributes},
                flags UInt32,
                trace_id String,
                span_id String,
                event_name String
            )),
            schema_url String
        )),
        schema_url String
    ))
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otlp_logs_mv} TO {of:otel_logs} AS
SELECT
    {nano:if(record.time_unix_nano = 0, record.observed_time_unix_nano, record.time_unix_nano)}
        AS Timestamp,
    toDateTime(Timestamp) AS TimestampTime,
    lower(hex(record.trace_id)) AS TraceId,
    lower(hex(record.span_id)) AS SpanId,
    toUInt8(bitAnd(record.flags, 255)) AS TraceFlags,
    record.severity_text AS SeverityText,
    toUInt8(greatest(0, least(24, record.severity_number))) AS SeverityNumber,
    resource['service.name'] AS ServiceName,
    {text:record.body} AS Body,
    resource_schema_url AS ResourceSchemaUrl,
    resource AS ResourceAttributes,
    scope_schema_url AS ScopeSchemaUrl,
    scope_name AS ScopeName,
    scope_version AS ScopeVersion,
    scope_attributes AS ScopeAttributes,
    {map:record.attributes} AS LogAttributes,
    record.event_name AS EventName
FROM (
    SELECT
        resource,
        resource_schema_url,
        scope_logs.schema_url AS scope_schema_url,
        scope_logs.scope.name AS scope_name,
        scope_logs.scope.version AS scope_version,
        {map:scope_logs.scope.attributes} AS scope_attributes,
        scope_logs.log_records AS records
    FROM (
        SELECT
            {map:rl.resource.attributes} AS resource,
            rl.schema_url AS resource_schema_url,
            rl.scope_logs AS many
        FROM (SELECT arrayJoin(resource_logs) AS rl FROM otlp_logs_in)
    )
    ARRAY JOIN many AS scope_logs
)
ARRAY JOIN records AS record;
