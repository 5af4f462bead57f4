/** PromQL as coloured tokens; pure. It never refuses a text: judging it is the server's part. */

import { AGGREGATORS, FUNCTIONS } from "./functions";

export type TokenKind = "function" | "name" | "label" | "string" | "number" | "keyword" | "mark" | "comment" | "space";

export interface Token {
  kind: TokenKind;
  text: string;
  start: number;
  end: number;
}

const KEYWORDS = new Set([
  "by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless", "atan2",
]);

const TOKEN =
  /(?<space>\s+)|(?<comment>#[^\n]*)|(?<string>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?)|(?<number>(?:\d+(?:ms|[smhdwy]))+|0x[\da-f]+|\d*\.?\d+(?:e[+-]?\d+)?)|(?<word>[A-Za-z_][\w:.]*)|(?<mark>[^\s\w"'`])/gi;

/** The tokens of a query, without anything left out: joined they are the text. */
export function tokenize(text: string): Token[] {
  let braces = 0;
  let listed = false;
  let lastWord = "";
  return [...text.matchAll(TOKEN)].map((match) => {
    const groups = match.groups ?? {};
    const [word, start, end] = [match[0], match.index, match.index + match[0].length];
    let kind: TokenKind = "mark";
    if (groups["space"]) kind = "space";
    else if (groups["comment"]) kind = "comment";
    else if (groups["string"]) kind = "string";
    else if (groups["number"]) kind = "number";
    else if (groups["word"]) {
      const lower = word.toLowerCase();
      const called = /^\s*\(/.test(text.slice(end));
      if (braces > 0 || listed) kind = "label";
      else if (KEYWORDS.has(lower)) kind = "keyword";
      else if (AGGREGATORS.has(lower) || (called && FUNCTIONS.has(word))) kind = "function";
      else kind = "name";
    } else if (word === "{") braces++;
    else if (word === "}") braces = Math.max(0, braces - 1);
    else if (word === "(") listed = GROUPING.has(lastWord);
    else if (word === ")") listed = false;
    if (kind !== "space" && kind !== "comment") lastWord = kind === "keyword" ? word.toLowerCase() : "";
    return { kind, text: word, start, end };
  });
}

/** After these a parenthesis holds names of labels. */
export const GROUPING = new Set(["by", "without", "on", "ignoring", "group_left", "group_right"]);

/** Names of the metrics that a query names. */
export function metricNames(text: string): string[] {
  return [...new Set(tokenize(text).filter(({ kind }) => kind === "name").map((token) => token.text))];
}

export interface Fault {
  /** Index of the first character at fault. */
  position: number;
  problem: string;
}

/** Takes the server's refusal of a query apart; null where it is about something else. */
export function readFault(message: string, text: string): Fault | null {
  const match = /^invalid parameter "query": (?:(\d+):(\d+): )?parse error: ([\s\S]*)$/.exec(message);
  if (!match) return null;
  const line = Number(match[1] ?? 1);
  const before = text.split("\n").slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return { position: Math.min(text.length, before + Number(match[2] ?? 1) - 1), problem: match[3] ?? "" };
}
