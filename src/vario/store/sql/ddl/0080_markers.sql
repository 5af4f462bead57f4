-- What people and machines changed, and when: releases, settings, flags, scaling, fixes, notes. Of
-- rows with the same id the one with the highest version holds. `scope` limits it further.
CREATE TABLE IF NOT EXISTS {table:markers} (
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
) ENGINE = {engine:ReplacingMergeTree}(version)
ORDER BY id;
