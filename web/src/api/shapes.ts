/** The API's shapes under the names that the screens use. */

import type { Shapes } from "./client";

export type Service = Shapes["ServiceOut"];
export type TrafficPoint = Shapes["TrafficPointOut"];
export type TrafficSeries = Shapes["TrafficSeriesOut"];
export type Traffic = Shapes["TrafficOut"];
export type TraceSummary = Shapes["TraceSummaryOut"];
export type Span = Shapes["SpanOut"];
export type Trace = Shapes["TraceOut"];
export type LogRecord = Shapes["LogRecordOut"];
export type LogBucket = Shapes["LogBucketOut"];
export type Check = Shapes["CheckOut"];
export type Version = Shapes["VersionOut"];
