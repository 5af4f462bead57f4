import { expect, it } from "vitest";
import type { Service } from "../../api/shapes";
import { judge } from "../../ui/verdict";
import { formatSorting, parseSorting, sortServices } from "./sorting";

const service = (name: string, changes: Partial<Service> = {}): Service => ({
  service: name, model: "", versions: [], regions: [], requests: 10, rate: 1, error_ratio: 0,
  p50: 0.1, p95: 0.2, p99: 0.3, last_seen: 1000, points: [], ...changes,
});
const names = (services: Service[], sort: string) =>
  sortServices(services, parseSorting(sort), (one) => judge(one, { end: 1000, step: 5 }, new Set(["hurt"]))).map((one) => one.service);

it("judges by errors first, then by open incidents, then by silence", () => {
  const of = (error_ratio: number, last_seen: number, troubled: string[] = [], step = 5) =>
    judge(service("a", { error_ratio, last_seen }), { end: 1000, step }, new Set(troubled));
  expect([of(0.05, 0), of(0.01, 0), of(0, 939), of(0.009, 941)]).toEqual(["failing", "errors", "silent", "ok"]);
  expect(of(0, 900, [], 60)).toBe("ok");
  expect([of(0.05, 941, ["a"]), of(0.01, 0, ["a"]), of(0, 941, ["b", "a"]), of(0, 941, ["b"])]).toEqual(["failing", "incident", "incident", "ok"]);
});

it("puts the worst first, then by name", () => {
  const all = [service("b"), service("a"), service("z", { error_ratio: 0.2 }), service("m", { last_seen: 1 }), service("hurt")];
  expect(names(all, "status")).toEqual(["z", "hurt", "m", "a", "b"]);
});

it("sorts numbers both ways", () => {
  const all = [service("slow", { p95: 2 }), service("fast", { p95: 0.01 }), service("same", { p95: 0.01 })];
  expect(names(all, "-p95")).toEqual(["slow", "fast", "same"]);
  expect(names(all, "p95")).toEqual(["fast", "same", "slow"]);
});

it("reads what it wrote, and mends what it cannot read", () => {
  expect(formatSorting(parseSorting("-traffic"))).toBe("-traffic");
  expect(parseSorting("colour")).toEqual({ column: "status", descending: false });
});
