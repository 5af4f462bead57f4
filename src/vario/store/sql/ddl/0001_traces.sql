-- Spans in the table of the OpenTelemetry Collector's ClickHouse exporter: same names, columns,
-- types and keys, so that a collector, Grafana or ClickStack works on the same database.
CREATE TABLE IF NOT EXISTS {table:otel_traces} (
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(T64, ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX idx_duration Duration TYPE minmax GRANULARITY 1
) ENGINE = {engine:MergeTree}
PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)
TTL toDateTime(Timestamp) + INTERVAL {ttl:traces} DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

-- What judgement asks of every span, worked out once at ingest beside the borrowed columns. A
-- collector that writes to this table need not know them. Small requests bring them along
-- (store/direct/spans.py): working them out costs an insert 8 of 27 ms.
ALTER TABLE {alter:otel_traces}
    ADD COLUMN IF NOT EXISTS IsEntry Bool
        DEFAULT SpanKind IN ('Server', 'Consumer') OR ParentSpanId = '',
    ADD COLUMN IF NOT EXISTS IsError Bool
        DEFAULT StatusCode = 'Error'
            OR toUInt16OrZero(SpanAttributes['http.response.status_code']) >= 500
            OR toUInt16OrZero(SpanAttributes['http.status_code']) >= 500,
    ADD COLUMN IF NOT EXISTS ModelName LowCardinality(String)
        DEFAULT if(SpanAttributes['model_name'] != '',
            SpanAttributes['model_name'], ResourceAttributes['model_name'])
        CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS ModelVersion LowCardinality(String)
        DEFAULT multiIf(
            SpanAttributes['model_version'] != '', SpanAttributes['model_version'],
            ResourceAttributes['model_version'] != '', ResourceAttributes['model_version'],
            ResourceAttributes['service.version'])
        CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS Region LowCardinality(String)
        DEFAULT multiIf(
            SpanAttributes['region'] != '', SpanAttributes['region'],
            ResourceAttributes['region'] != '', ResourceAttributes['region'],
            ResourceAttributes['cloud.region'])
        CODEC(ZSTD(1));

CREATE TABLE IF NOT EXISTS {table:otel_traces_trace_id_ts} (
    TraceId String CODEC(ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime) CODEC(ZSTD(1)),
    End SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1))
) ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toStartOfWeek(Start)
ORDER BY TraceId
TTL toDateTime(Start) + INTERVAL {ttl:traces} DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otel_traces_trace_id_ts_mv}
TO {of:otel_traces_trace_id_ts}
AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM {of:otel_traces}
WHERE TraceId != ''
GROUP BY TraceId;
