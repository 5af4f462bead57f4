-- Tail sampling (store/sampling.py). How many spans a stored one stands for: the SDK's threshold in
-- `tracestate` (ot=th:c is 12/16 dropped) says which share it let through.
ALTER TABLE {alter:otel_traces}
    ADD COLUMN IF NOT EXISTS Weight Float64
        DEFAULT if(position(TraceState, 'th:') = 0, 1, ifNotFinite(pow(2, 56) / (pow(2, 56) -
            reinterpretAsUInt64(reverse(unhex(rightPad(
                extract(TraceState, '(?:^|,)\\s*ot=(?:[^,;]*;)*th:([0-9a-f]{1,14})(?:[;,]|$)'),
                14, '0'))))), 1))
        CODEC(ZSTD(1));

-- Every entry span that ever arrived, whatever became of its trace: what the overview counts once
-- traces are sampled. Filled by a view from the day on which sampling is switched on.
CREATE TABLE IF NOT EXISTS {table:entry_spans} (
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    ModelName LowCardinality(String) CODEC(ZSTD(1)),
    ModelVersion LowCardinality(String) CODEC(ZSTD(1)),
    Region LowCardinality(String) CODEC(ZSTD(1)),
    IsError Bool CODEC(ZSTD(1)),
    Duration UInt64 CODEC(T64, ZSTD(1)),
    Weight Float64 CODEC(ZSTD(1))
) ENGINE = {engine:MergeTree}
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, ModelName, SpanName, toStartOfMinute(Timestamp), Timestamp)
TTL toDateTime(Timestamp) + INTERVAL {ttl:traces} DAY
SETTINGS ttl_only_drop_parts = 1;

-- What has arrived of each trace, a row for each insert, until it is decided.
CREATE TABLE IF NOT EXISTS {table:trace_pending} (
    TraceId String CODEC(ZSTD(1)),
    Arrived DateTime64(3) CODEC(Delta, ZSTD(1)),
    Spans UInt32 CODEC(ZSTD(1)),
    HasRoot Bool,
    HasError Bool,
    First DateTime64(9) CODEC(Delta, ZSTD(1)),
    Last DateTime64(9) CODEC(Delta, ZSTD(1)),
    Entries Array(Tuple(String, UInt64)) CODEC(ZSTD(1))
) ENGINE = {engine:MergeTree}
PARTITION BY toStartOfHour(Arrived)
ORDER BY (toStartOfMinute(Arrived), TraceId);

-- What was decided, when, and how many traces a kept one stands for.
CREATE TABLE IF NOT EXISTS {table:trace_decisions} (
    TraceId String CODEC(ZSTD(1)),
    Decided DateTime64(3) CODEC(Delta, ZSTD(1)),
    Kept Bool,
    Reason LowCardinality(String),
    Weight Float64 CODEC(ZSTD(1))
) ENGINE = {engine:MergeTree}
PARTITION BY toDate(Decided)
ORDER BY TraceId
TTL toDateTime(Decided) + INTERVAL {ttl:traces} DAY
SETTINGS ttl_only_drop_parts = 1;
