-- Prometheus remote write. A request is first flattened to series with their ids and labels; from
-- there on versions 1 and 2 go the same way. Requests that hold samples alone, which is most of
-- them, take a short way: every view costs 3 ms or more of CPU an insert, whatever is in it.
--
-- A request with a series that cannot be stored is refused whole, before anything of it is written
-- (the macro `sound` throws); it is then taken apart outside and comes back with what can be stored.
-- New series and metadata go on to the tables of metrics.sql, which knows those of this hour.
CREATE TABLE IF NOT EXISTS {view:remote_v1_in} (
    timeseries Array(Tuple(labels {type:labels}, samples {type:samples}))
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS {view:remote_v1_full_in} (
    timeseries Array(Tuple(
        labels {type:labels},
        samples {type:samples},
        exemplars Array(Tuple(labels {type:labels}, value Float64, timestamp Int64)),
        histograms {type:histograms})),
    metadata Array(Tuple(type Int32, metric_family_name String, help String, unit String))
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS {view:remote_v2_in} (
    symbols Array(String),
    timeseries Array(Tuple(labels_refs Array(UInt32), samples {type:samples}))
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS {view:remote_v2_full_in} (
    symbols Array(String),
    timeseries Array(Tuple(
        labels_refs Array(UInt32),
        samples {type:samples},
        exemplars Array(Tuple(labels_refs Array(UInt32), value Float64, timestamp Int64)),
        histograms {type:histograms},
        metadata Tuple(type Int32, help_ref UInt32, unit_ref UInt32)))
) ENGINE = Null;

-- times: of the series' samples and native histograms; native: whether it has any of these.
CREATE TABLE IF NOT EXISTS {view:remote_series_in} (
    id UInt64, pairs {type:labels}, samples {type:samples}, times Array(Int64), native UInt8
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS {view:remote_full_in} (
    id UInt64,
    pairs {type:labels},
    samples {type:samples},
    exemplars Array(Tuple(labels {type:labels}, value Float64, timestamp Int64)),
    histograms {type:histograms},
    type Int32,
    help String,
    unit String
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_v1_mv} TO remote_series_in AS
SELECT
    sipHash64(series.labels) AS id,
    series.labels AS pairs,
    series.samples AS samples,
    series.samples.timestamp AS times
FROM (SELECT arrayJoin(timeseries) AS series FROM remote_v1_in)
WHERE {sound:pairs, times};

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_v2_mv} TO remote_series_in AS
SELECT sipHash64(pairs) AS id, pairs, series.samples AS samples, series.samples.timestamp AS times
FROM (
    SELECT series, {symbols:series.labels_refs} AS pairs
    FROM (SELECT symbols, arrayJoin(timeseries) AS series FROM remote_v2_in)
)
WHERE {sound:pairs, times};

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_v1_full_mv} TO remote_full_in AS
SELECT
    sipHash64(series.labels) AS id,
    series.labels AS pairs,
    series.samples AS samples,
    series.exemplars AS exemplars,
    series.histograms AS histograms
FROM (SELECT arrayJoin(timeseries) AS series FROM remote_v1_full_in)
WHERE {sound:pairs, arrayConcat(
        series.samples.timestamp, series.histograms.timestamp, series.exemplars.timestamp)};

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_v2_full_mv} TO remote_full_in AS
SELECT
    sipHash64(pairs) AS id,
    pairs,
    series.samples AS samples,
    arrayMap(e -> ({symbols:e.labels_refs}, e.value, e.timestamp), series.exemplars) AS exemplars,
    series.histograms AS histograms,
    series.metadata.type AS type,
    symbols[series.metadata.help_ref + 1] AS help,
    symbols[series.metadata.unit_ref + 1] AS unit
FROM (
    SELECT symbols, series, {symbols:series.labels_refs} AS pairs
    FROM (SELECT symbols, arrayJoin(timeseries) AS series FROM remote_v2_full_in)
)
WHERE {sound:pairs, arrayConcat(
        series.samples.timestamp, series.histograms.timestamp, series.exemplars.timestamp)};

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_full_mv} TO remote_series_in AS
SELECT
    id,
    pairs,
    samples,
    arrayConcat(samples.timestamp, histograms.timestamp) AS times,
    notEmpty(histograms) AS native
FROM remote_full_in;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_samples_mv} TO {of:metric_samples} AS
SELECT
    {name_hash:pairs.value[indexOf(pairs.name, '__name__')]} AS name_hash,
    id,
    fromUnixTimestamp64Milli(sample.timestamp) AS ts,
    sample.value AS value
FROM remote_series_in
ARRAY JOIN samples AS sample;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_series_mv} TO metric_new_series_in AS
SELECT
    id,
    CAST(pairs, 'Map(String, String)') AS labels,
    0 AS delta,
    native,
    toStartOfHour(fromUnixTimestamp64Milli(arrayMin(times))) AS first_seen,
    toStartOfHour(fromUnixTimestamp64Milli(arrayMax(times))) + INTERVAL 1 HOUR AS last_seen
FROM remote_series_in
WHERE notEmpty(times) AND {seen:id, native, first_seen, last_seen};

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_exemplars_mv} TO {of:metric_exemplars} AS
SELECT
    id,
    fromUnixTimestamp64Milli(exemplar.timestamp) AS ts,
    exemplar.value AS value,
    exemplar.labels[indexOf(exemplar.labels.name, 'trace_id')].value AS trace_id,
    exemplar.labels[indexOf(exemplar.labels.name, 'span_id')].value AS span_id,
    CAST(arrayFilter(l -> l.1 NOT IN ('trace_id', 'span_id'), exemplar.labels),
        'Map(LowCardinality(String), String)') AS attributes
FROM remote_full_in
ARRAY JOIN exemplars AS exemplar;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_histograms_mv} TO {of:metric_histograms} AS
SELECT
    id,
    fromUnixTimestamp64Milli(h.timestamp) AS ts,
    h.count_int + h.count_float AS count,
    h.sum AS sum,
    toInt8(h.schema) AS schema,
    h.zero_threshold AS zero_threshold,
    h.zero_count_int + h.zero_count_float AS zero_count,
    h.positive_spans[1].offset AS positive_offset,
    {filled:h.positive_spans, positive_counts} AS positive,
    h.negative_spans[1].offset AS negative_offset,
    {filled:h.negative_spans, negative_counts} AS negative,
    h.custom_values AS bounds,
    if(h.reset_hint BETWEEN 1 AND 3, h.reset_hint, 0) AS reset_hint
FROM (
    SELECT id, h, {counts:h.positive} AS positive_counts, {counts:h.negative} AS negative_counts
    FROM remote_full_in
    ARRAY JOIN histograms AS h
);

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_v1_metadata_mv} TO metric_new_metadata_in AS
SELECT
    said.metric_family_name AS name,
    CAST({kind:said.type}, 'LowCardinality(String)') AS type,
    CAST(said.unit, 'LowCardinality(String)') AS unit,
    said.help AS help
FROM remote_v1_full_in
ARRAY JOIN metadata AS said
WHERE name != '' AND {seen:name, type, unit, help};

-- Version 2 describes every series; the name of its family is that of its series less the suffix.
CREATE MATERIALIZED VIEW IF NOT EXISTS {view:remote_v2_metadata_mv} TO metric_new_metadata_in AS
SELECT DISTINCT
    replaceRegexpOne(pairs[indexOf(pairs.name, '__name__')].value, multiIf(
        source.type IN (3, 4), '_(bucket|g?count|g?sum)$', source.type = 5, '_(count|sum)$', '^$'
    ), '') AS name,
    CAST({kind:source.type}, 'LowCardinality(String)') AS type,
    CAST(source.unit, 'LowCardinality(String)') AS unit,
    help
FROM remote_full_in AS source
WHERE (source.type != 0 OR help != '') AND {seen:name, type, unit, help};
