-- Series, samples and exemplars in Prometheus' data model. `{...}` is filled in by schema.py.
-- id: sipHash64 of the label set sorted by name, __name__ included. native: whether there are native
-- histograms of it. name_hash: sipHash64 of the metric's name, cut to 32 bits; what is asked for
-- together lies together, and series of one metric compress best beside each other. Codecs and
-- order were chosen by measurement (docs/decisions/0010-metric-layout.md).
CREATE TABLE IF NOT EXISTS {table:metric_series} (
    id UInt64,
    name LowCardinality(String) CODEC(ZSTD(1)),
    labels Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    delta SimpleAggregateFunction(max, UInt8),
    native SimpleAggregateFunction(max, UInt8),
    first_seen SimpleAggregateFunction(min, DateTime64(3)),
    last_seen SimpleAggregateFunction(max, DateTime64(3))
) ENGINE = {engine:AggregatingMergeTree}
ORDER BY (name, id, labels)
TTL toDateTime(last_seen) + INTERVAL {ttl:metrics} DAY;

CREATE TABLE IF NOT EXISTS {table:metric_samples} (
    name_hash UInt32 CODEC(ZSTD(1)),
    id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(Delta, ZSTD(1))
) ENGINE = {engine:MergeTree}
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), name_hash, id, ts)
TTL toDateTime(ts) + INTERVAL {ttl:metrics} DAY
SETTINGS ttl_only_drop_parts = 1;

-- Native histograms: OTLP exponential ones and Prometheus' own. `schema` is Prometheus' (bucket
-- growth 2^(2^-schema); -53 for custom bounds, which are then in `bounds`). Buckets are dense runs
-- of counts that begin at bucket index `*_offset`.
CREATE TABLE IF NOT EXISTS {table:metric_histograms} (
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
) ENGINE = {engine:MergeTree}
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), id, ts)
TTL toDateTime(ts) + INTERVAL {ttl:metrics} DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS {table:metric_exemplars} (
    id UInt64 CODEC(ZSTD(1)),
    ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
    value Float64 CODEC(ZSTD(1)),
    trace_id String CODEC(ZSTD(1)),
    span_id String CODEC(ZSTD(1)),
    attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))
) ENGINE = {engine:MergeTree}
PARTITION BY toDate(ts)
ORDER BY (toStartOfHour(ts), id, ts)
TTL toDateTime(ts) + INTERVAL {ttl:metrics} DAY
SETTINGS ttl_only_drop_parts = 1;

-- type: Prometheus' words (counter, gauge, histogram, summary, info, stateset, unknown).
CREATE TABLE IF NOT EXISTS {table:metric_metadata} (
    name String CODEC(ZSTD(1)),
    type LowCardinality(String),
    unit LowCardinality(String),
    help String CODEC(ZSTD(1))
) ENGINE = {engine:ReplacingMergeTree}
ORDER BY name;
