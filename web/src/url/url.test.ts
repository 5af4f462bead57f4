import { describe, expect, it } from "vitest";
import { seconds } from "../units";
import { changeSearch, pageHref } from "./params";
import { absoluteWindow, parseWindow, resolveTime } from "./window";

const NOW = seconds(1_763_850_000);

describe("settings in the query string", () => {
  it("are set, changed and taken away", () => {
    expect(changeSearch("?a=1&b=2", { a: "3", b: null, c: "x y", d: "" })).toBe("?a=3&c=x+y&d=");
    expect(changeSearch("?a=1", { a: undefined })).toBe("");
  });

  it("survive any text", () => {
    const filter = 'service.name = "a&b=c?#%" and body contains "ü/:,"';
    const search = changeSearch("", { filter });
    expect(new URLSearchParams(search).get("filter")).toBe(filter);
  });

  it("leave all but the time window behind on the way to another page", () => {
    const search = "?from=now-1h&to=now-5m&refresh=0&filter=status+%3D+error&by=region";
    expect(pageHref("/logs", search, { filter: "x" })).toBe("/logs?from=now-1h&to=now-5m&refresh=0&filter=x");
    expect(pageHref("/", search, { from: "5", to: "9" })).toBe("/?from=5&to=9");
    expect(pageHref("/doctor", "")).toBe("/doctor");
  });
});

describe("the time window", () => {
  it.each([
    ["now", NOW], ["now-15m", NOW - 900], ["now-2h", NOW - 7200], ["now-7d", NOW - 604_800],
    ["1763840000.5", 1_763_840_000.5], ["2025-11-22T22:20:00Z", NOW],
  ])("%s is a moment", (text, moment) => expect(resolveTime(text, NOW)).toBe(moment));

  it.each(["", "yesterday", "now+5m", "now-5", "-3"])("%o is none", (text) =>
    expect(resolveTime(text, NOW)).toBeNull(),
  );

  it("is live by default and refreshes", () => {
    expect(parseWindow("")).toEqual({ from: "now-15m", to: "now", live: true, refresh: 5000 });
    expect(parseWindow("?refresh=0").refresh).toBe(false);
  });

  it("stands still when it ends in the past, and mends what it cannot read", () => {
    expect(parseWindow("?from=100&to=200")).toEqual({ from: "100", to: "200", live: false, refresh: false });
    expect(parseWindow("?from=soon&to=later")).toEqual(parseWindow(""));
  });

  it("is written to the millisecond", () =>
    expect(absoluteWindow(1.23456, 2)).toEqual({ from: "1.235", to: "2" }));
});
