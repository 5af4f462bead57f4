-- What models are compared with. `body` is the reference as JSON; of rows with the same names the
-- one with the highest version holds.
CREATE TABLE IF NOT EXISTS {table:drift_references} (
    model_name String,
    name String,
    version Int64,
    deleted UInt8,
    body String CODEC(ZSTD(3))
) ENGINE = {engine:ReplacingMergeTree}(version)
ORDER BY (model_name, name);
