CREATE TABLE IF NOT EXISTS otel_traces_local ON CLUSTER 'prod' (
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
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(Timestamp)
PRIMARY KEY (ServiceName, SpanName, toDateTime(Timestamp))
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp), Timestamp)
TTL toDateTime(Timestamp) + INTERVAL 7 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel_traces ON CLUSTER 'prod' AS otel_traces_local ENGINE = Distributed('prod', currentDatabase(), otel_traces_local, cityHash64(TraceId));

ALTER TABLE otel_traces_local ON CLUSTER 'prod'
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

ALTER TABLE otel_traces ON CLUSTER 'prod'
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

CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts_local ON CLUSTER 'prod' (
    TraceId String CODEC(ZSTD(1)),
    Start SimpleAggregateFunction(min, DateTime) CODEC(ZSTD(1)),
    End SimpleAggregateFunction(max, DateTime) CODEC(ZSTD(1))
) ENGINE = ReplicatedAggregatingMergeTree
PARTITION BY toStartOfWeek(Start)
ORDER BY TraceId
TTL toDateTime(Start) + INTERVAL 7 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel_traces_trace_id_ts ON CLUSTER 'prod' AS otel_traces_trace_id_ts_local ENGINE = Distributed('prod', currentDatabase(), otel_traces_trace_id_ts_local, cityHash64(TraceId));

CREATE MATERIALIZED VIEW IF NOT EXISTS otel_traces_trace_id_ts_mv ON CLUSTER 'prod'
TO otel_traces_trace_id_ts_local
AS SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End
FROM otel_traces_local
WHERE TraceId != ''
GROUP BY TraceId;

CREATE TABLE IF NOT EXISTS otel_logs_local ON CLUSTER 'prod' (
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),
    INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,

    INDEX idx_log_attr_value mapValues(LogAttributes) TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(TimestampTime)
PRIMARY KEY (ServiceName, TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)
TTL TimestampTime + INTERVAL 14 DAY
SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel_logs ON CLUSTER 'prod' AS otel_logs_local ENGINE = Distributed('prod', currentDatabase(), otel_logs_local, rand());

CREATE TABLE IF NOT EXISTS metric_series_local ON CLUSTER 'prod' (
    id UInt64,
    name LowCardinality(String) CODEC(ZSTD(1)),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    delta SimpleAggregateFunction(max, UInt8),
    native SimpleAggregateFunction(max, UInt8),
    first_seen SimpleAggregateFunction(min, DateTime64(3)),
    last_seen SimpleAggregateFunction(max, DateTime64(3))
) ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (name, id, labels)
TTL toDateTime(last_seen) + INTERVAL 30 DAY;

CREATE TABLE IF NOT EXISTS metric_series ON CLUSTER 'prod' AS metric_series_local ENGINE = Distributed('prod', currentDatabase(), metric_series_local, id);

CREATE TABLE IF NOT EXISTS metric_samples_local ON CLUSTER 'prod' (
    name_hash UInt32 CODEC(ZSTD(1)),
    id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(Delta, ZSTD(1))
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), name_hash, id, ts)
TTL toDateTime(ts) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS metric_samples ON CLUSTER 'prod' AS metric_samples_local ENGINE = Distributed('prod', currentDatabase(), metric_samples_local, id);

CREATE TABLE IF NOT EXISTS metric_histograms_local ON CLUSTER 'prod' (
    id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
    count Float64 CODEC(ZSTD(1)),
    sum Float64 CODEC(ZSTD(1)),
    schema Int8,
    zero_threshold Float64 CODEC(ZSTD(1)),
    zero_count Float64 CODEC(ZSTD(1)),
    positive_offset Int32 CODEC(ZSTD(1)),
    positive Array(Float64) CODEC(ZSTD(1)),
    negative_offset Int32 CODEC(ZSTD(1)),
    negative Array(Float64) CODEC(ZSTD(1)),
    bounds Array(Float64) CODEC(ZSTD(1)),
    reset_hint Enum8('unknown' = 0, 'yes' = 1, 'no' = 2, 'gauge' = 3)
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), id, ts)
TTL toDateTime(ts) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS metric_histograms ON CLUSTER 'prod' AS metric_histograms_local ENGINE = Distributed('prod', currentDatabase(), metric_histograms_local, id);

CREATE TABLE IF NOT EXISTS metric_exemplars_local ON CLUSTER 'prod' (
    id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), id, ts)
TTL toDateTime(ts) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS metric_exemplars ON CLUSTER 'prod' AS metric_exemplars_local ENGINE = Distributed('prod', currentDatabase(), metric_exemplars_local, id);

CREATE TABLE IF NOT EXISTS metric_metadata_local ON CLUSTER 'prod' (
    name String CODEC(ZSTD(1)),
    type LowCardinality(String),
    unit LowCardinality(String),
    help String CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree
ORDER BY name;

CREATE TABLE IF NOT EXISTS metric_metadata ON CLUSTER 'prod' AS metric_metadata_local ENGINE = Distributed('prod', currentDatabase(), metric_metadata_local, rand());

CREATE TABLE IF NOT EXISTS vario_guard_local ON CLUSTER 'prod' (
    name String,
    value String CODEC(ZSTD(1)),
    at DateTime64(3) DEFAULT now64(3)
) ENGINE = ReplicatedReplacingMergeTree
ORDER BY name;

CREATE TABLE IF NOT EXISTS vario_guard ON CLUSTER 'prod' AS vario_guard_local ENGINE = Distributed('prod', currentDatabase(), vario_guard_local, rand());

CREATE TABLE IF NOT EXISTS retention_log_local ON CLUSTER 'prod' (
    at DateTime64(3) CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    table LowCardinality(String),
    partition String,
    reason LowCardinality(String),
    rows UInt64,
    bytes UInt64,
    detail String CODEC(ZSTD(1))
) ENGINE = ReplicatedMergeTree
ORDER BY at;

CREATE TABLE IF NOT EXISTS retention_log ON CLUSTER 'prod' AS retention_log_local ENGINE = Distributed('prod', currentDatabase(), retention_log_local, rand());

ALTER TABLE otel_traces_local ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS Weight Float64
        DEFAULT if(position(TraceState, 'th:') = 0, 1, ifNotFinite(pow(2, 56) / (pow(2, 56) -
            reinterpretAsUInt64(reverse(unhex(rightPad(
                extract(TraceState, '(?:^|,)\\s*ot=(?:[^,;]*;)*th:([0-9a-f]{1,14})(?:[;,]|$)'),
                14, '0'))))), 1))
        CODEC(ZSTD(1));

ALTER TABLE otel_traces ON CLUSTER 'prod'
    ADD COLUMN IF NOT EXISTS Weight Float64
        DEFAULT if(position(TraceState, 'th:') = 0, 1, ifNotFinite(pow(2, 56) / (pow(2, 56) -
            reinterpretAsUInt64(reverse(unhex(rightPad(
                extract(TraceState, '(?:^|,)\\s*ot=(?:[^,;]*;)*th:([0-9a-f]{1,14})(?:[;,]|$)'),
                14, '0'))))), 1))
        CODEC(ZSTD(1));

CREATE TABLE IF NOT EXISTS entry_spans_local ON CLUSTER 'prod' (
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    ModelName LowCardinality(String) CODEC(ZSTD(1)),
    ModelVersion LowCardinality(String) CODEC(ZSTD(1)),
    Region LowCardinality(String) CODEC(ZSTD(1)),
    IsError Bool CODEC(ZSTD(1)),
    Duration UInt64 CODEC(T64, ZSTD(1)),
    Weight Float64 CODEC(ZSTD(1))
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, ModelName, SpanName, toStartOfMinute(Timestamp), Timestamp)
TTL toDateTime(Timestamp) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS entry_spans ON CLUSTER 'prod' AS entry_spans_local ENGINE = Distributed('prod', currentDatabase(), entry_spans_local, rand());

CREATE TABLE IF NOT EXISTS trace_pending_local ON CLUSTER 'prod' (
    TraceId String CODEC(ZSTD(1)),
    Arrived DateTime64(3) CODEC(Delta, ZSTD(1)),
    Spans UInt32 CODEC(ZSTD(1)),
    HasRoot Bool,
    HasError Bool,
    First DateTime64(9) CODEC(Delta, ZSTD(1)),
    Last DateTime64(9) CODEC(Delta, ZSTD(1)),
    Entries Array(Tuple(String, UInt64)) CODEC(ZSTD(1))
) ENGINE = ReplicatedMergeTree
PARTITION BY toStartOfHour(Arrived)
ORDER BY (toStartOfMinute(Arrived), TraceId);

CREATE TABLE IF NOT EXISTS trace_pending ON CLUSTER 'prod' AS trace_pending_local ENGINE = Distributed('prod', currentDatabase(), trace_pending_local, cityHash64(TraceId));

CREATE TABLE IF NOT EXISTS trace_decisions_local ON CLUSTER 'prod' (
    TraceId String CODEC(ZSTD(1)),
    Decided DateTime64(3) CODEC(Delta, ZSTD(1)),
    Kept Bool,
    Reason LowCardinality(String),
    Weight Float64 CODEC(ZSTD(1))
) ENGINE = ReplicatedMergeTree
PARTITION BY toDate(Decided)
ORDER BY TraceId
TTL toDateTime(Decided) + INTERVAL 7 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS trace_decisions ON CLUSTER 'prod' AS trace_decisions_local ENGINE = Distributed('prod', currentDatabase(), trace_decisions_local, cityHash64(TraceId));

CREATE TABLE IF NOT EXISTS alert_events_local ON CLUSTER 'prod' (
    id String,
    version UInt64 CODEC(DoubleDelta, ZSTD(1)),
    time DateTime64(9, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    rule String CODEC(ZSTD(1)),
    name LowCardinality(String),
    state LowCardinality(String),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    annotations Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    value Float64,
    active_ns Int64,
    fired_ns Int64,
    resolved_ns Int64,
    keep_firing_ns Int64,
    trace_id String CODEC(ZSTD(1)),
    reason LowCardinality(String)
) ENGINE = ReplicatedMergeTree
ORDER BY (id, version)
TTL toDateTime(time) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS alert_events ON CLUSTER 'prod' AS alert_events_local ENGINE = Distributed('prod', currentDatabase(), alert_events_local, cityHash64(id));

CREATE TABLE IF NOT EXISTS alert_records_local ON CLUSTER 'prod' (
    kind LowCardinality(String),
    id String,
    version UInt64,
    deleted UInt8,
    body String CODEC(ZSTD(1))
) ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY (kind, id);

CREATE TABLE IF NOT EXISTS alert_records ON CLUSTER 'prod' AS alert_records_local ENGINE = Distributed('prod', currentDatabase(), alert_records_local, cityHash64(id));

CREATE TABLE IF NOT EXISTS alert_deliveries_local ON CLUSTER 'prod' (
    id String,
    version UInt64,
    created DateTime64(9, 'UTC'),
    receiver LowCardinality(String),
    group_key String CODEC(ZSTD(1)),
    status LowCardinality(String),
    reason LowCardinality(String),
    attempts UInt32,
    tried_ns Int64,
    next_ns Int64,
    error String CODEC(ZSTD(1)),
    firing Array(String) CODEC(ZSTD(1)),
    resolved Array(String) CODEC(ZSTD(1)),
    message String CODEC(ZSTD(3))
) ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY id
TTL toDateTime(created) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS alert_deliveries ON CLUSTER 'prod' AS alert_deliveries_local ENGINE = Distributed('prod', currentDatabase(), alert_deliveries_local, cityHash64(id));

CREATE TABLE IF NOT EXISTS drift_references_local ON CLUSTER 'prod' (
    model_name String,
    name String,
    version Int64,
    deleted UInt8,
    body String CODEC(ZSTD(3))
) ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY (model_name, name);

CREATE TABLE IF NOT EXISTS drift_references ON CLUSTER 'prod' AS drift_references_local ENGINE = Distributed('prod', currentDatabase(), drift_references_local, cityHash64(model_name));

CREATE TABLE IF NOT EXISTS markers_local ON CLUSTER 'prod' (
    id String,
    version Int64,
    deleted UInt8,
    time_ns Int64,
    kind LowCardinality(String),
    text String CODEC(ZSTD(3)),
    service LowCardinality(String),
    scope Map(LowCardinality(String), String),
    author String,
    link String
) ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY id;

CREATE TABLE IF NOT EXISTS markers ON CLUSTER 'prod' AS markers_local ENGINE = Distributed('prod', currentDatabase(), markers_local, cityHash64(id));

CREATE TABLE IF NOT EXISTS incidents_local ON CLUSTER 'prod' (
    id String,
    version UInt64,
    opened DateTime64(9, 'UTC'),
    opened_ns Int64,
    resolved_ns Int64,
    state LowCardinality(String),
    service LowCardinality(String),
    body String CODEC(ZSTD(3))
) ENGINE = ReplicatedReplacingMergeTree(version)
ORDER BY id
TTL toDateTime(opened) + INTERVAL 400 DAY;

CREATE TABLE IF NOT EXISTS incidents ON CLUSTER 'prod' AS incidents_local ENGINE = Distributed('prod', currentDatabase(), incidents_local, cityHash64(id));
