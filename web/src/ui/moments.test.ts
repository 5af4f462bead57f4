import { expect, it } from "vitest";
import { nanos, seconds } from "../units";
import { formatExact, formatMillis, formatMoment, readTime, showTime, zoneName } from "./moments";

const AT = seconds(1_763_820_200);

it("moments are written in the zone of the reader", () => {
  expect(formatMoment(AT, "utc")).toBe("22 Nov 14:03:20");
  expect(formatMillis(nanos("1763820200123456789"), "utc")).toBe("14:03:20.123");
  expect(formatExact(nanos("1763820200123456789"), "utc")).toBe("22 Nov 2025 14:03:20.123456789");
});

it("the zone has a name", () => {
  const ahead = { getTimezoneOffset: () => -330 } as Date;
  const behind = { getTimezoneOffset: () => 300 } as Date;
  expect([zoneName("utc"), zoneName("local", ahead), zoneName("local", behind)]).toEqual([
    "UTC", "UTC+5:30", "UTC−5",
  ]);
});

it("what is shown is read back", () => {
  expect(showTime("1763820200", "utc")).toBe("2025-11-22 14:03:20");
  expect(readTime(showTime("1763820200", "local"), "local")).toBe("1763820200");
  expect(readTime("2025-11-22 14:03", "utc")).toBe("1763820180");
  expect(readTime("2025-11-22T15:03:20+01:00", "utc")).toBe("1763820200");
  expect(readTime("now-2h", "utc")).toBe("now-2h");
});

it("what is no time is not taken for one", () =>
  expect(["", "soon", "2025", "2025-13-45 99:99", "now+1h"].map((text) => readTime(text, "utc"))).toEqual([
    null, null, "2025", null, null,
  ]));
