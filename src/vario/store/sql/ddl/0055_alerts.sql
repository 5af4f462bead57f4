-- What became of alerts, what people said about them, and what was told to whom. Rows are only
-- appended; of rows with the same id the one with the highest version holds. Times are nanoseconds
-- since the epoch, 0 for never.
CREATE TABLE IF NOT EXISTS {table:alert_events} (
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
) ENGINE = {engine:MergeTree}
ORDER BY (id, version)
TTL toDateTime(time) + INTERVAL {ttl:alerts} DAY;

-- kind: silence, maintenance, acknowledgement. `body` is JSON.
CREATE TABLE IF NOT EXISTS {table:alert_records} (
    kind LowCardinality(String),
    id String,
    version UInt64,
    deleted UInt8,
    body String CODEC(ZSTD(1))
) ENGINE = {engine:ReplacingMergeTree}(version)
ORDER BY (kind, id);

-- The outbox: each notification that was decided on, and how far it has come. What was last told
-- to a receiver of a group is read from here too, so both change in one insert.
CREATE TABLE IF NOT EXISTS {table:alert_deliveries} (
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
) ENGINE = {engine:ReplacingMergeTree}(version)
ORDER BY id
TTL toDateTime(created) + INTERVAL {ttl:alerts} DAY;
