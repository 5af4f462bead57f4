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
-- __name__ and what tells the series of one histogram or summary apart. bounds and counts: upper
-- bounds and cumulative counts of a histogram, quantiles and values of a summary. The buckets of a
-- native histogram are Prometheus' own: schema at most 8, index i ends at 2^(i * 2^-schema).
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
    counts Array(Float64),
    native Tuple(
        schema Int32, zero_threshold Float64, zero_count Float64,
        positive_offset Int32, positive Array(Float64),
        negative_offset Int32, negative Array(Float64)),
    exemplars Array(Tuple(
        ns UInt64, value Float64, trace_id String, span_id String,
        attributes Array(Tuple(String, String))))
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

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otlp_metrics_mv} TO metric_points_in AS
SELECT
    kind,
    family,
    unit,
    help,
    arrayConcat(
        identity,
        arrayFilter(l -> NOT (l.1 IN ('job', 'instance') AND has(identity.1, l.1)), point.1),
        arrayFilter(l -> NOT has(point.1.1, l.1), promoted)) AS labels,
    point.2 AS ns,
    point.3 AS stale,
    delta,
    point.4 AS value,
    point.5 AS count,
    point.6 AS sum,
    point.7 AS bounds,
    point.8 AS counts,
    point.9 AS native,
    point.10 AS exemplars
FROM (
    SELECT
        identity,
        promoted,
        kind,
        -- The family's name as the OpenTelemetry-to-Prometheus translation has it: words joined by
        -- an underscore, then the unit unless it is there already, then `total` or `ratio`.
        splitByChar('/', metric.unit) AS units,
        trimBoth(units[1]) AS main,
        trimBoth(units[2]) AS per,
        if(main = '' OR match(main, '[{}]'), '', {word:transform(main,
            ['d', 'h', 'min', 's', 'ms', 'us', 'ns', 'By', 'KiBy', 'MiBy', 'GiBy', 'TiBy', 'KBy',
             'kBy', 'MBy', 'GBy', 'TBy', 'm', 'V', 'A', 'J', 'W', 'g', 'Cel', 'Hz', '1', '%'],
            ['days', 'hours', 'minutes', 'seconds', 'milliseconds', 'microseconds', 'nanoseconds',
             'bytes', 'kibibytes', 'mebibytes', 'gibibytes', 'tebibytes', 'kilobytes',
             'kilobytes', 'megabytes', 'gigabytes', 'terabytes', 'meters', 'volts', 'amperes',
             'joules', 'watts', 'grams', 'celsius', 'hertz', '', 'percent'], main)}) AS main_word,
        if(per = '' OR match(per, '[{}]'), '', concat('per_', {word:transform(per,
            ['s', 'm', 'h', 'd', 'w', 'mo', 'y'],
            ['second', 'minute', 'hour', 'day', 'week', 'month', 'year'], per)})) AS per_word,
        arrayStringConcat(arrayFilter(w -> w != '', [main_word, per_word]), '_') AS unit,
        extractAll(metric.name, '[a-zA-Z0-9:]+') AS words,
        multiIf(kind = 'counter', 'total', kind = 'gauge' AND is_gauge AND metric.unit = '1', 'ratio', '')
            AS suffix,
        arrayStringConcat(arrayConcat(
            arrayFilter(w -> w != suffix OR suffix = '', words),
            arrayFilter(w -> w != '' AND NOT has(words, w), [main_word, per_word]),
            arrayFilter(w -> w != '', [suffix])), '_') AS bare,
        if(bare < ':' AND bare != '', concat('_', bare), bare) AS family,
        metric.description AS help,
        toUInt8(1 = metric.sum.aggregation_temporality + metric.histogram.aggregation_temporality
            + metric.exponential_histogram.aggregation_temporality) AS delta,
        arrayConcat(
            arrayMap(p -> (
                {pairs:p.attributes}, p.time_unix_nano, bitTest(p.flags, 0),
                coalesce(p.as_double, toFloat64(p.as_int), {stale:}),
                0., CAST(NULL, 'Nullable(Float64)'), emptyArrayFloat64(), emptyArrayFloat64(),
                {no_native:}, {exemplars:p.exemplars}),
                arrayConcat(metric.gauge.data_points, metric.sum.data_points)),
            arrayMap(p -> (
                {pairs:p.attributes}, p.time_unix_nano, bitTest(p.flags, 0),
                0., toFloat64(p.count), p.sum, p.explicit_bounds,
                arrayMap(c -> toFloat64(c),
                    arrayResize(arrayCumSum(p.bucket_counts), length(p.explicit_bounds))),
                {no_native:}, {exemplars:p.exemplars}),
                metric.histogram.data_points),
            arrayMap(p -> (
                {pairs:p.attributes}, p.time_unix_nano, bitTest(p.flags, 0),
                0., toFloat64(p.count), p.sum, emptyArrayFloat64(), emptyArrayFloat64(),
                (
                    p.scale, p.zero_threshold, toFloat64(p.zero_count),
                    p.positive.offset, CAST(p.positive.bucket_counts, 'Array(Float64)'),
                    p.negative.offset, CAST(p.negative.bucket_counts, 'Array(Float64)')
                ), {exemplars:p.exemplars}),
                metric.exponential_histogram.data_points),
            arrayMap(p -> (
                {pairs:p.attributes}, p.time_unix_nano, bitTest(p.flags, 0),
                0., toFloat64(p.count), CAST(p.sum, 'Nullable(Float64)'),
                p.quantile_values.quantile, p.quantile_values.value,
                {no_native:}, {no_exemplars:}),
                metric.summary.data_points)
        ) AS points
    FROM (
        SELECT
            identity,
            promoted,
            metric,
            notEmpty(metric.gauge.data_points) AS is_gauge,
            multiIf(
                notEmpty(metric.sum.data_points), if(metric.sum.is_monotonic, 'counter', 'gauge'),
                notEmpty(metric.histogram.data_points), 'histogram',
                notEmpty(metric.exponential_histogram.data_points), 'native',
                notEmpty(metric.summary.data_points), 'summary',
                'gauge') AS kind
        FROM (
            SELECT {identity:resource} AS identity, {promoted:resource} AS promoted, many
            FROM (
                SELECT
                    {map:rm.resource.attributes} AS resource,
                    arrayFlatten(rm.scope_metrics.metrics) AS many
                FROM (SELECT arrayJoin(resource_metrics) AS rm FROM otlp_metrics_in)
            )
        )
        ARRAY JOIN many AS metric
    )
)
ARRAY JOIN points AS point
WHERE family != '';

-- The resource itself, as the info metric that joins its attributes to its series.
CREATE MATERIALIZED VIEW IF NOT EXISTS {view:otlp_target_info_mv} TO metric_samples_in AS
SELECT
    {sorted:arrayConcat([('__name__', 'target_info')], identity, arrayFilter(
        l -> l.1 NOT IN ('job', 'instance', 'service_name', 'service_namespace',
            'service_instance_id'), pairs))} AS labels,
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
            arrayMap((b, c) -> ([('__name__', concat(family, '_bucket')), ('le', {le:b})], c),
                bounds, counts),
            [
                ([('__name__', concat(family, '_bucket')), ('le', '+Inf')], count),
                ([('__name__', concat(family, '_count'))], count)
            ],
            if(isNull(sum), [], [([('__name__', concat(family, '_sum'))], assumeNotNull(sum))])),
        kind = 'summary', arrayConcat(
            arrayMap((q, v) -> ([('__name__', family), ('quantile', toString(q))], v),
                bounds, counts),
            [
                ([('__name__', concat(family, '_count'))], count),
                ([('__name__', concat(family, '_sum'))], assumeNotNull(sum))
            ]),
        [([('__name__', family)], value)]) AS samples
    FROM metric_points_in
)
ARRAY JOIN samples AS sample;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_samples_mv} TO {of:metric_samples} AS
SELECT id, ts, value FROM metric_samples_in WHERE NOT native;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_series_mv} TO {of:metric_series} AS
SELECT
    id,
    any(source.labels['__name__']) AS name,
    any(source.labels) AS labels,
    max(source.delta) AS delta,
    min(ts) AS first_seen,
    max(ts) AS last_seen
FROM metric_samples_in AS source
GROUP BY id;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_exemplars_mv} TO {of:metric_exemplars} AS
SELECT
    sipHash64({sorted:arrayConcat(labels, multiIf(
        kind != 'histogram', [('__name__', family)],
        [('__name__', concat(family, '_bucket')), ('le', if(
            arrayExists(b -> b >= exemplar.2, bounds),
            {le:arrayFirst(b -> b >= exemplar.2, bounds)}, '+Inf'))]))}) AS id,
    {milli:if(exemplar.1 = 0, ns, exemplar.1)} AS ts,
    exemplar.2 AS value,
    lower(hex(exemplar.3)) AS trace_id,
    lower(hex(exemplar.4)) AS span_id,
    CAST(exemplar.5, 'Map(LowCardinality(String), String)') AS attributes
FROM metric_points_in
ARRAY JOIN exemplars AS exemplar;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_histograms_mv} TO {of:metric_histograms} AS
SELECT
    sipHash64({sorted:arrayConcat(labels, [('__name__', family)])}) AS id,
    {milli:ns} AS ts,
    if(stale, {stale:}, count) AS count,
    if(stale, {stale:}, coalesce(sum, 0)) AS sum,
    toInt8(least(native.schema, 8)) AS schema,
    native.zero_threshold AS zero_threshold,
    native.zero_count AS zero_count,
    {merged_offset:native.positive_offset} AS positive_offset,
    {merged:native.positive_offset, native.positive} AS positive,
    {merged_offset:native.negative_offset} AS negative_offset,
    {merged:native.negative_offset, native.negative} AS negative,
    emptyArrayFloat64() AS bounds,
    'unknown' AS reset_hint
FROM (SELECT *, greatest(native.schema - 8, 0) AS excess FROM metric_points_in)
WHERE kind = 'native' AND native.schema >= -4;

CREATE MATERIALIZED VIEW IF NOT EXISTS {view:metric_metadata_mv} TO {of:metric_metadata} AS
SELECT
    family AS name,
    if(any(kind) = 'native', 'histogram', any(kind)) AS type,
    any(source.unit) AS unit,
    any(source.help) AS help
FROM metric_points_in AS source
GROUP BY family;
