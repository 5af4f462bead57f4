/** What may come next in a PromQL query; pure. */

import type { Metric } from "../../api/metrics";
import { CALLABLE } from "./functions";
import { GROUPING, tokenize, type Token } from "./tokens";

export type Wanted = "expression" | "label" | "value" | "range" | "nothing";

export interface Place {
  wanted: Wanted;
  typed: string;
  /** Where a completion goes. */
  start: number;
  end: number;
  /** The metric whose labels are asked about; empty for all. */
  metric: string;
  /** The label whose value is asked for. */
  label: string;
}

/** Follows the query up to the cursor. */
export function placeAt(text: string, cursor: number): Place {
  const tokens = tokenize(text).filter(({ kind }) => kind !== "space");
  const inside = tokens.find(({ kind, start, end }) => kind !== "mark" && start < cursor && cursor <= end);
  const before = tokens.filter((token) => token.end <= cursor && token !== inside);
  const closed = inside?.kind === "string" && inside.end === cursor && /^(["'`]).*\1$/s.test(inside.text);
  const context = contextOf(before);
  const place = (wanted: Wanted, part: Partial<Place> = {}): Place => ({
    wanted, typed: "", start: cursor, end: cursor, metric: context.metric, label: "", ...part,
  });
  if (inside?.kind === "comment" || closed) return place("nothing");
  const under = (token: Token) => ({ typed: token.text.slice(0, cursor - token.start), start: token.start, end: token.end });
  if (context.open === "[") {
    return place("range", inside?.kind === "number" || inside?.kind === "name" ? under(inside) : {});
  }
  if (context.open === "{") {
    if (inside?.kind === "string" && context.label) {
      const typed = inside.text.slice(1, cursor - inside.start);
      return place("value", { typed, start: inside.start, end: inside.end, label: context.label });
    }
    if (context.label) return place("value", { label: context.label });
    if (inside?.kind === "label") return place("label", under(inside));
    return place(/^[{,]$/.test(before.at(-1)?.text ?? "") ? "label" : "nothing");
  }
  if (context.open === "list") return inside?.kind === "label" ? place("label", under(inside)) : place("label");
  if (inside?.kind === "string") return place("nothing");
  if (inside && /^(name|function|keyword)$/.test(inside.kind)) return place("expression", under(inside));
  const last = before.at(-1);
  const operand = !last || /^(keyword)$/.test(last.kind) || (last.kind === "mark" && !/[)}\]]/.test(last.text));
  return place(operand && !inside ? "expression" : "nothing");
}

interface Context {
  open: "{" | "[" | "list" | "(" | "";
  metric: string;
  /** Set where the value of a label is due. */
  label: string;
}

function contextOf(before: readonly Token[]): Context {
  const stack: Context["open"][] = [];
  let [metric, lastName, label, labelName, keyword] = ["", "", "", "", ""];
  for (const { kind, text } of before) {
    if (text === "{") {
      stack.push("{");
      metric = lastName;
    } else if (text === "[") stack.push("[");
    else if (text === "(") stack.push(GROUPING.has(keyword) ? "list" : "(");
    else if (text === "}" || text === "]" || text === ")") stack.pop();
    else if (kind === "name") [metric, lastName] = [text, text];
    if (kind === "label") labelName = text;
    else if (stack.at(-1) === "{" && /^[=!~]$/.test(text)) label = labelName;
    else if (kind === "string" || text === "," || text === "{") label = "";
    if (kind !== "name") lastName = "";
    keyword = kind === "keyword" ? text.toLowerCase() : "";
  }
  return { open: stack.at(-1) ?? "", metric, label: stack.at(-1) === "{" ? label : "" };
}

export interface Completion {
  label: string;
  /** Goes into the query. */
  insert: string;
  /** How many characters from its end the cursor is left. */
  back: number;
  detail: string;
  help: string;
}

const MOST = 60;
const RANGES = ["1m", "5m", "15m", "30m", "1h", "6h", "1d"];

/** Names of the series of a metric: a classic histogram has three. */
export function seriesNames({ name, type, classic, native }: Metric): string[] {
  const parts = classic ? [`${name}_bucket`, `${name}_count`, `${name}_sum`] : type === "summary" ? [name, `${name}_count`, `${name}_sum`] : [];
  return parts.length && !native ? parts : [name, ...parts.filter((part) => part !== name)];
}

/** Completions for a place, the likeliest first: what begins with what was typed, then what has it inside. */
export function complete(place: Place, metrics: readonly Metric[], labels: readonly string[], values: readonly string[]): Completion[] {
  const plain = (text: string, detail = ""): Completion => ({ label: text, insert: text, back: 0, detail, help: "" });
  switch (place.wanted) {
    case "expression":
      return best(place.typed, [...names(metrics), ...calls()]);
    case "label":
      return best(place.typed, labels.filter((name) => name !== "__name__").map((name) => plain(name, "label")));
    case "value":
      return best(place.typed, values.map((value) => ({ ...plain(value, place.label), insert: JSON.stringify(value) })));
    case "range":
      return best(place.typed, RANGES.map((range) => plain(range, "range")));
    case "nothing":
      return [];
  }
}

function names(metrics: readonly Metric[]): Completion[] {
  const found = new Map<string, Completion>();
  for (const metric of metrics) {
    for (const name of seriesNames(metric)) {
      const detail = [metric.type, metric.unit].filter((part) => part && part !== "unknown").join(" · ");
      if (!found.has(name)) found.set(name, { label: name, insert: name, back: 0, detail, help: metric.help });
    }
  }
  return [...found.values()];
}

function calls(): Completion[] {
  return CALLABLE.map(([name, takes, gives]) => ({
    label: name, insert: `${name}()`, back: takes ? 1 : 0, detail: `(${takes})`, help: gives,
  }));
}

function best(typed: string, all: readonly Completion[]): Completion[] {
  const sought = typed.toLowerCase();
  const begins = all.filter(({ label }) => label.toLowerCase().startsWith(sought));
  const holds = sought.length < 2 ? [] : all.filter(({ label }) => label.toLowerCase().indexOf(sought) > 0);
  const found = [...begins, ...holds].slice(0, MOST);
  return found.length === 1 && found[0]?.label === typed ? [] : found;
}
