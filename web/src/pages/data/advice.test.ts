import { describe, expect, it } from "vitest";
import type { Stored } from "../../api/stored";
import { adviseCuts } from "./advice";

const MB = 1e6;
const STORED = {
  used_bytes: 100 * MB,
  kinds: [
    { kind: "traces", rows: 1, bytes: 60 * MB, growth_bytes: 30 * MB, days_kept: 7 },
    { kind: "metrics", rows: 1, bytes: 40 * MB, growth_bytes: 20 * MB, days_kept: 30 },
  ],
  services: [{ kind: "traces", service: "ml-infer", rows: 10, bytes: 45 * MB }],
  metrics: [{ metric: "up", samples: 48_000, series: 200 }],
  labels: [{ metric: "up", label: "pod", values: 400, series: 100 }],
  growth: [
    { time: 0, step: 60, kind: "traces", rows: 6000, bytes: 1 },
    { time: 60, step: 60, kind: "traces", rows: 10, bytes: 1 },
  ],
  retention: { downsample_after_days: 0 },
} as unknown as Stored;

describe("what to cut first", () => {
  it("is what saves most, with the setting that does it", () => {
    const found = adviseCuts(STORED, undefined).map(({ saves, setting }) => [Math.round((saves ?? 0) / MB), setting]);
    expect(found).toEqual([
      [368, "[store.retention]\ndownsample_after_days = 7"],
      [225, '[guard]\ncardinality_rules = ["100 metric=up label=pod"]'],
      [158, "[sampling]\nspans_per_second = 25"],
      [135, '[store.retention.services."ml-infer"]\ntraces_days = 1'],
      [120, "[store.retention]\ntraces_days = 3"],
    ]);
  });

  it("is nothing where nothing stands out", () => {
    const even = { ...STORED, kinds: STORED.kinds.map((one) => ({ ...one, bytes: MB })), services: [], labels: [] };
    expect(adviseCuts(even as Stored, undefined)).toEqual([]);
  });
});
