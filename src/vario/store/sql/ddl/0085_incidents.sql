-- Incidents. Rows are only appended; of rows with the same id the one with the highest version
-- holds. `body` is the whole incident as JSON; the columns beside it are what is asked for. Times
-- are nanoseconds since the epoch, 0 for never.
CREATE TABLE IF NOT EXISTS {table:incidents} (
    id String,
    version UInt64,
    opened DateTime64(9, 'UTC'),
    opened_ns Int64,
    resolved_ns Int64,
    state LowCardinality(String),
    service LowCardinality(String),
    body String CODEC(ZSTD(3))
) ENGINE = {engine:ReplacingMergeTree}(version)
ORDER BY id
TTL toDateTime(opened) + INTERVAL {ttl:alerts} DAY;
