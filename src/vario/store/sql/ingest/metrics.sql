-- One request becomes rows in two steps. The first flattens it to data points, whatever their kind,
-- with their names and labels as Prometheus knows them; it is the only one that handles the nested
-- request, whose size makes each expression over it dear. The second turns points into samples,
-- native histograms, series, exemplars and metadata.
CREATE TABLE IF NOT EXISTS {view:otlp_metrics_in} (
    resource_metrics Array(Tuple(
        resource Tuple(attributes {type:attributes}),
        scope_metrics Array(Tuple(
            metrics Array(Tuple(
                name String,
                description String,
                unit String,
                gauge Tuple(data_points {type:numbers}),
                sum Tuple(
                    data_points {type:numbers}, aggregation_temporality Int32, is_monotonic Bool),
                histogram Tuple(
                    data_points Array(Tuple(
                        time_unix_nano UInt64,
                        count UInt64,
                        sum Nullable(Float64),
                        bucket_counts Array(UInt64),
                        explicit_bounds Array(Float64),
                        exemplars {type:exemplars},
                        attributes {type:attributes},
                        flags UInt32)),
                    aggregation_temporality Int32),
                exponential_histogram Tuple(
                    data_points Array(Tuple(
                        attributes {type:attributes},
                        time_unix_nano UInt64,
                        count UInt64,
                        sum Nullable(Float64),
                        scale Int32,
                        zero_count UInt64,
                        positive Tuple(offset Int32, bucket_counts Array(UInt64)),
                        negative Tuple(offset Int32, bucket_counts Array(UInt64)),
                        flags UInt32,
                        exemplars {type:exemplars},
                        zero_threshold Float64)),
                    aggregation_temporality Int32),
                summary Tuple(
                    data_points Array(Tuple(
                        time_unix_nano UInt64,
                        count UInt64,
                        sum Float64,
                        quantile_values Array(Tuple(quantile Float64, value Float64)),
                        attributes {type:attributes},
                        flags UInt32)))
            ))
        ))
    ))
) ENGINE = Null;

-- kind: gauge, counter, histogram, native (an exponential histogram), summary. labels: all but
-- __name__ and what tells the series of one histogram or summary apart. bounds: a histogram's upper
-- bounds, a summary's quantiles. scale to negative: an exponential histogram as OTLP has it.
CREATE TABLE IF NOT EXISTS {view:metric_points_in} (
    kind LowCardinality(String),
    family String,
    unit String,
    help String,
    labels Array(Tuple(String, String)),
    ns UInt64,
    stale Bool,
    delta UInt8,
    value Float64,
    count Float64,
    sum Nullable(Float64),
    bounds Array(Float64),
    buckets Array(UInt64),
    quantiles Array(Float64),
    scale Int32,
    zero_threshold Float64,
    zero_count UInt64,
    positive Tuple(offset Int32, bucket_counts Array(UInt64)),
    negative Tuple(offset Int32, bucket_counts Array(UInt64)),
    exemplars {type:exemplars}
) ENGINE = Null;

-- Series and samples that are ready but for the id of the series.
CREATE TABLE IF NOT EXISTS {view:metric_samples_in} (
    labels Map(String, String),
    ts DateTime64(3),
    value Float64,
    delta UInt8,
    native Bool DEFAULT false,
    id UInt64 DEFAULT sipHash64(mapSort(labels))
) ENGINE = Null;

-- Series of an hour that are not known yet.
CREATE TABLE IF NOT EXISTS {view:metric_new_series_in} (
    id UInt64,
    labels Map(String, String),
    delta UInt8,
    native UInt8,
    first_seen DateTime,
    last_seen DateTime
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS {view:metric_new_metadata_in} (
    name String,
    type LowCardinality(String),
    unit LowCardinality(String),
    help String
) ENGINE = Null;

-- What is in metric_series and metric_metadata already (see store/seen.py).
CREATE TABLE IF NOT EXISTS {view:metric_seen} (key UInt64) ENGINE = Set SETTINGS persistent = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otlp_metrics_mv} TO metric_points_in AS
SELECT
    kind,
    family,
    unit,
    help,
    -- What tells a resource, or the series of one histogram, apart comes before an attribute of
    -- that name, and that before what the resource promotes.
    arrayConcat(
        identity,
        arrayFilter(l -> l.1 NOT IN ('__name__', 'job', 'instance', 'le', 'quantile')
            OR NOT has(reserved, l.1), {joined:own}),
        arrayFilter(l -> NOT has(own.1, l.1), promoted)) AS labels,
    ns,
    bitTest(flags, 0) AS stale,
    delta,
    coalesce(as_double, toFloat64(as_int), {stale:}) AS value,
    count,
    sum,
    bounds,
    buckets,
    quantiles,
    scale,
    zero_threshold,
    zero_count,
    positive,
    negative,
    exemplars
FROM (
SELECT
    kind, family, unit, help, identity, promoted, reserved, {pairs:attributes} AS own, ns, flags,
    delta, as_double, as_int, count, sum, bounds, buckets, quantiles, scale, zero_threshold,
    zero_count, positive, negative, exemplars
FROM (
    SELECT
        identity,
        promoted,
        kind,
        unit,
        arrayConcat(identity.1, multiIf(
            kind = 'histogram', ['__name__', 'le'],
            kind = 'summary', ['__name__', 'quantile'],
            ['__name__'])) AS reserved,
        arrayStringConcat(arrayConcat(
            arrayFilter(w -> w != suffix OR suffix = '', words),
            arrayFilter(w -> NOT has(words, w), unit_words),
            arrayFilter(w -> w != '', [suffix])), '_') AS bare,
        if(bare < ':' AND bare != '', concat('_', bare), bare) AS family,
        metric.description AS help,
        toUInt8(1 = metric.sum.aggregation_temporality + metric.histogram.aggregation_temporality
            + metric.exponential_histogram.aggregation_temporality) AS delta,
        -- A metric has points of one kind; the other arrays are empty, so joining them aligns, and
        -- what a kind lacks is filled up.
        {points:attributes} AS many_attributes,
        {points:time_unix_nano} AS times,
        {points:flags} AS many_flags,
        arrayResize(arrayConcat(metric.gauge.data_points.as_double,
            metric.sum.data_points.as_double), n) AS doubles,
        arrayResize(arrayConcat(metric.gauge.data_points.as_int,
            metric.sum.data_points.as_int), n) AS ints,
        arrayResize(arrayConcat(metric.histogram.data_points.count,
            metric.exponential_histogram.data_points.count,
            metric.summary.data_points.count), n) AS totals,
        arrayResize(arrayConcat(metric.histogram.data_points.sum,
            metric.exponential_histogram.data_points.sum,
            metric.summary.data_points.sum), n) AS sums,
        arrayResize(arrayConcat(metric.histogram.data_points.explicit_bounds,
            metric.summary.data_points.quantile_values.quantile), n) AS many_bounds,
        arrayResize(metric.histogram.data_points.bucket_counts, n) AS many_buckets,
        arrayResize(metric.summary.data_points.quantile_values.value, n) AS many_quantiles,
        arrayResize(metric.exponential_histogram.data_points.scale, n) AS scales,
        arrayResize(metric.exponential_histogram.data_points.zero_threshold, n) AS thresholds,
        arrayResize(metric.exponential_histogram.data_points.zero_count, n) AS zeros,
        arrayResize(metric.exponential_histogram.data_points.positive, n) AS positives,
        arrayResize(metric.exponential_histogram.data_points.negative, n) AS negatives,
        arrayResize(arrayConcat(metric.gauge.data_points.exemplars,
            metric.sum.data_points.exemplars, metric.histogram.data_points.exemplars,
            metric.exponential_histogram.data_points.exemplars), n) AS many_exemplars
    FROM (
        -- Levels, not aliases: the engine analyses an alias anew wherever it is used.
        SELECT
            *,
            arrayFilter(w -> w != '', [main_word, per_word]) AS unit_words,
            arrayStringConcat(unit_words, '_') AS unit,
            extractAll(metric.name, '[a-zA-Z0-9:]+') AS words,
            multiIf(kind = 'counter', 'total', gauges != 0 AND metric.unit = '1', 'ratio', '')
                AS suffix
        FROM (
            SELECT
                *,
                gauges + sums + histograms + natives + summaries AS n,
                multiIf(
                    sums != 0, if(metric.sum.is_monotonic, 'counter', 'gauge'),
                    histograms != 0, 'histogram',
                    natives != 0, 'native',
                    summaries != 0, 'summary',
                    'gauge') AS kind,
                if(match(units[1], '[{}]'), '', {word:transform(units[1],
                    ['d', 'h', 'min', 's', 'ms', 'us', 'ns', 'By', 'KiBy', 'MiBy', 'GiBy', 'TiBy',
                     'KBy', 'kBy', 'MBy', 'GBy', 'TBy', 'm', 'V', 'A', 'J', 'W', 'g', 'Cel', 'Hz',
                     '1', '%'],
                    ['days', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds',
                     'nanoseconds', 'bytes', 'kibibytes', 'mebibytes', 'gibibytes', 'tebibytes',
                     'kilobytes', 'kilobytes', 'megabytes', 'gigabytes', 'terabytes', 'meters',
                     'volts', 'amperes', 'joules', 'watts', 'grams', 'celsius', 'hertz', '',
                     'percent'])}) AS main_word,
                if(units[2] = '' OR match(units[2], '[{}]'), '', concat('per_',
                    {word:transform(units[2],
                        ['s', 'm', 'h', 'd', 'w', 'mo', 'y'],
                        ['second', 'minute', 'hour', 'day', 'week', 'month', 'year'])})) AS per_word
            FROM (
                SELECT
                    {identity:resource} AS identity,
                    {promoted:resource} AS promoted,
                    metric,
                    length(metric.gauge.data_points.flags) AS gauges,
                    length(metric.sum.data_points.flags) AS sums,
                    length(metric.histogram.data_points.flags) AS histograms,
                    length(metric.exponential_histogram.data_points.flags) AS natives,
                    length(metric.summary.data_points.flags) AS summaries,
                    arrayMap(u -> trimBoth(u), splitByChar('/', metric.unit)) AS units
                FROM (
                    SELECT
                        {map:rm.resource.attributes} AS resource,
                        arrayFlatten(rm.scope_metrics.metrics) AS many
                    FROM (SELECT arrayJoin(resource_metrics) AS rm FROM otlp_metrics_in)
                )
                ARRAY JOIN many AS metric
            )
        )
    )
)
ARRAY JOIN
    many_attributes AS attributes, times AS ns, many_flags AS flags, doubles AS as_double,
    ints AS as_int, totals AS count, sums AS sum, many_bounds AS bounds, many_buckets AS buckets,
    many_quantiles AS quantiles, scales AS scale, thresholds AS zero_threshold,
    zeros AS zero_count, positives AS positive, negatives AS negative,
    many_exemplars AS exemplars
WHERE family != ''
);

-- The resource itself, as the info metric that joins its attributes to its series.
CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otlp_target_info_mv} TO metric_samples_in AS
SELECT
    {sorted:arrayConcat([('__name__', 'target_info')], identity, arrayFilter(
        l -> l.1 NOT IN ('job', 'instance', 'service_name', 'service_namespace',
            'service_instance_id'), {joined:pairs}))} AS labels,
    {milli:newest} AS ts,
    1. AS value,
    0 AS delta
FROM (
    SELECT
        {map:rm.resource.attributes} AS resource,
        {identity:resource} AS identity,
        {pairs:rm.resource.attributes} AS pairs,
        arrayMax(arrayMap(m -> arrayMax(arrayConcat(
            [0], m.gauge.data_points.time_unix_nano, m.sum.data_points.time_unix_nano,
            m.histogram.data_points.time_unix_nano,
            m.exponential_histogram.data_points.time_unix_nano,
            m.summary.data_points.time_unix_nano)),
            arrayFlatten(rm.scope_metrics.metrics))) AS newest
    FROM (SELECT arrayJoin(resource_metrics) AS rm FROM otlp_metrics_in)
)
WHERE notEmpty(identity) AND newest != 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_points_samples_mv} TO metric_samples_in AS
SELECT
    {sorted:arrayConcat(base, sample.1)} AS labels,
    {milli:ns} AS ts,
    if(stale, {stale:}, sample.2) AS value,
    delta,
    kind = 'native' AS native
FROM (
    SELECT kind, labels AS base, ns, stale, delta, multiIf(
        kind = 'histogram', arrayConcat(
            arrayMap((b, c) -> (
                [('__name__', concat(family, '_bucket')), ('le', {le:b})], toFloat64(c)),
                bounds, arrayResize(arrayCumSum(buckets), length(bounds))),
            [
                ([('__name__', concat(family, '_bucket')), ('le', '+Inf')], count),
                ([('__name__', concat(family, '_count'))], count)
            ],
            if(isNull(sum), [], [([('__name__', concat(family, '_sum'))], assumeNotNull(sum))])),
        kind = 'summary', arrayConcat(
            arrayMap((q, v) -> ([('__name__', family), ('quantile', toString(q))], v),
                bounds, quantiles),
            [
                ([('__name__', concat(family, '_count'))], count),
                ([('__name__', concat(family, '_sum'))], assumeNotNull(sum))
            ]),
        [([('__name__', family)], value)]) AS samples
    FROM metric_points_in
    WHERE kind != 'native' OR scale >= -4
)
ARRAY JOIN samples AS sample;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_samples_mv} TO {of:metric_samples} AS
SELECT {name_hash:labels['__name__']} AS name_hash, id, ts, value
FROM metric_samples_in
WHERE NOT native;

-- first_seen and last_seen are whole hours around the samples, so that one row an hour is enough.
CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_series_mv} TO metric_new_series_in AS
SELECT
    id,
    any(set) AS labels,
    max(is_delta) AS delta,
    toUInt8(is_native) AS native,
    first_seen,
    last_seen
FROM (
    SELECT
        id,
        labels AS set,
        delta AS is_delta,
        native AS is_native,
        toStartOfHour(ts) AS first_seen,
        first_seen + INTERVAL 1 HOUR AS last_seen
    FROM metric_samples_in
    WHERE {seen:id, native, first_seen, last_seen}
)
GROUP BY id, is_native, first_seen, last_seen;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_new_series_mv} TO {of:metric_series} AS
SELECT id, labels['__name__'] AS name, labels, delta, native, first_seen, last_seen
FROM metric_new_series_in;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_series_seen_mv} TO metric_seen AS
SELECT sipHash64(id, native, first_seen, last_seen) AS key FROM metric_new_series_in;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_exemplars_mv} TO {of:metric_exemplars} AS
SELECT
    coalesce(exemplar.as_double, toFloat64(exemplar.as_int), 0) AS value,
    sipHash64({sorted:arrayConcat(labels, if(
        kind != 'histogram', [('__name__', family)],
        [('__name__', concat(family, '_bucket')), ('le', if(arrayExists(b -> b >= value, bounds),
            {le:arrayFirst(b -> b >= value, bounds)}, '+Inf'))]))}) AS id,
    {milli:if(exemplar.time_unix_nano = 0, ns, exemplar.time_unix_nano)} AS ts,
    lower(hex(exemplar.trace_id)) AS trace_id,
    lower(hex(exemplar.span_id)) AS span_id,
    CAST({pairs:exemplar.filtered_attributes}, 'Map(LowCardinality(String), String)') AS attributes
FROM metric_points_in
ARRAY JOIN exemplars AS exemplar;

-- Prometheus' schemas end at 8; what is finer is merged. Coarser than -4 does not exist there.
CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_histograms_mv} TO {of:metric_histograms} AS
SELECT
    sipHash64({sorted:arrayConcat(labels, [('__name__', family)])}) AS id,
    {milli:ns} AS ts,
    if(stale, {stale:}, observed) AS count,
    if(stale, {stale:}, coalesce(total, 0)) AS sum,
    toInt8(least(scale, 8)) AS schema,
    zero_threshold,
    zeros AS zero_count,
    {merged_offset:above.offset} AS positive_offset,
    {merged:above.offset, above.bucket_counts} AS positive,
    {merged_offset:below.offset} AS negative_offset,
    {merged:below.offset, below.bucket_counts} AS negative,
    emptyArrayFloat64() AS bounds,
    'unknown' AS reset_hint
FROM (
    SELECT
        labels, family, ns, stale, count AS observed, sum AS total, scale, zero_threshold,
        zero_count AS zeros, positive AS above, negative AS below,
        greatest(scale - 8, 0) AS excess
    FROM metric_points_in
    WHERE kind = 'native' AND scale >= -4
);

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_metadata_mv} TO metric_new_metadata_in AS
SELECT DISTINCT
    family AS name,
    CAST(if(kind = 'native', 'histogram', kind), 'LowCardinality(String)') AS type,
    CAST(its_unit, 'LowCardinality(String)') AS unit,
    help
FROM (SELECT family, kind, unit AS its_unit, help FROM metric_points_in)
WHERE {seen:name, type, unit, help};

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_new_metadata_mv} TO {of:metric_metadata} AS
SELECT name, type, unit, help FROM metric_new_metadata_in;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_metadata_seen_mv} TO metric_seen AS
SELECT sipHash64(name, type, unit, help) AS key FROM metric_new_metadata_in;
