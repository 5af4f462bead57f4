import { describe, expect, it } from "vitest";
import type { Headroom } from "../../api/releases";
import { extent, roundTicks } from "./scale";

describe("the axes of latency over load", () => {
  it("have round ticks", () => {
    expect(roundTicks(9.4, 4)).toEqual([0, 5]);
    expect(roundTicks(100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
    expect(roundTicks(0.3, 3).map((tick) => tick.toFixed(1))).toEqual(["0.0", "0.1", "0.2", "0.3"]);
    expect(roundTicks(0, 5)).toEqual([0]);
  });

  it("hold the target and the reach, and leave a lone outlier at the edge", () => {
    const points = Array.from({ length: 100 }, (_, index) => ({ load: index / 10, latency: index === 7 ? 60 : 0.1 }));
    const found = extent({ points, curve: [], target_bound: 0.2, reachable: 20, high: null } as unknown as Headroom);
    expect(found.load).toBeCloseTo(20.8);
    expect(found.latency).toBeCloseTo(0.27);
  });
});
