-- The books of the guards: what is folded, what was found; JSON by name.
CREATE TABLE IF NOT EXISTS {table:vario_guard} (
    name String,
    value String CODEC(ZSTD(1)),
    at DateTime64(3) DEFAULT now64(3)
) ENGINE = {engine:ReplacingMergeTree}
ORDER BY name;
