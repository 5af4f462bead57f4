-- What retention took away, so that nothing ever goes silently. reason: age, service, budget,
-- downsampled.
CREATE TABLE IF NOT EXISTS {table:retention_log} (
    at DateTime64(3) CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    table LowCardinality(String),
    partition String,
    reason LowCardinality(String),
    rows UInt64,
    bytes UInt64,
    detail String CODEC(ZSTD(1))
) ENGINE = {engine:MergeTree}
ORDER BY at;
