/** What may come next in a filter: pure, from the text and the place of the cursor. */

import { quote } from "./text";

type TokenKind = "word" | "string" | "op" | "(" | ")" | ",";

interface Token {
  kind: TokenKind;
  text: string;
  start: number;
  end: number;
}

const TOKEN = /(?<string>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|`[^`]*`?)|(?<op>=~|!~|!=|<=|>=|=|<|>)|(?<mark>[(),])|(?<word>[^\s()",'`=!<>~&|]+)/g;

function tokenize(text: string): Token[] {
  return [...text.matchAll(TOKEN)].map((match) => {
    const { string, op, mark } = match.groups ?? {};
    const kind: TokenKind = string ? "string" : op ? "op" : mark ? (mark as TokenKind) : "word";
    return { kind, text: match[0], start: match.index, end: match.index + match[0].length };
  });
}

export type Wanted = "field" | "operator" | "value" | "join";

export interface Place {
  wanted: Wanted;
  /** What stands there so far, without its opening quote. */
  typed: string;
  /** Where a completion goes. */
  start: number;
  end: number;
  /** The field whose value is wanted. */
  field: string | null;
}

/** Follows the grammar up to the cursor. */
export function placeAt(text: string, cursor: number): Place {
  const tokens = tokenize(text);
  const open = tokens.find(
    ({ kind, start, end }) => (kind === "word" || kind === "string") && start < cursor && cursor <= end,
  );
  const closed = open?.kind === "string" && open.end === cursor && /^(["'`]).*\1$/s.test(open.text);
  const current = closed ? undefined : open;
  let wanted: Wanted = "field";
  let field: string | null = null;
  let inList = false;
  for (const token of tokens) {
    if (token === current || token.start >= cursor) break;
    const word = token.kind === "word" ? token.text.toLowerCase() : "";
    if (token.kind === "op" || word === "contains") wanted = "value";
    else if (word === "in") [wanted, inList] = ["operator", true];
    else if (token.kind === "(" || token.kind === ",") wanted = inList && field ? "value" : "field";
    else if (token.kind === ")") [wanted, inList] = ["join", false];
    else if (word === "and" || word === "or") [wanted, field] = ["field", null];
    else if (word === "not") wanted = wanted === "operator" ? "operator" : "field";
    else if (wanted === "value") wanted = "join";
    else if (wanted === "field" && token.kind === "word" && word !== "exists") {
      [wanted, field] = ["operator", token.text];
    } else if (wanted === "field" && token.kind === "string") wanted = "join";
  }
  return {
    wanted,
    typed: current ? text.slice(current.start, cursor).replace(/^["'`]/, "") : "",
    start: current ? current.start : cursor,
    end: current ? current.end : cursor,
    field: wanted === "value" ? field : null,
  };
}

/** Fields whose values the grammar itself lists, written without quotes. */
const OWN_VALUES: Record<string, readonly string[]> = {
  status: ["error", "ok", "unset"],
  kind: ["server", "client", "internal", "producer", "consumer"],
  severity: ["error", "warn", "info", "debug", "trace", "fatal"],
  error: ["true", "false"],
  entry: ["true", "false"],
  duration: ["50ms", "100ms", "200ms", "500ms", "1s", "5s"],
};

/** The field to ask the server's values for, or null where the grammar knows them. */
export function askedField({ wanted, field }: Place): string | null {
  return wanted === "value" && field !== null && !(field in OWN_VALUES) ? field : null;
}

const EQUALITY = ["=", "!="];
const ORDER = [">", ">=", "<", "<="];
const TEXT_OPERATORS = [...EQUALITY, "=~", "!~", "contains", "in", "not in", ...ORDER];

function operatorsOf(field: string): readonly string[] {
  if (field === "duration" || field === "severity") return [...ORDER, ...EQUALITY];
  return field in OWN_VALUES ? [...EQUALITY, "in"] : TEXT_OPERATORS;
}

export interface Suggestion {
  label: string;
  /** What replaces the text between the place's start and end. */
  insert: string;
}

/** At most this many are offered: more are not read, one types on instead. */
const MOST = 40;

/** Those that begin with what was typed first, then those that contain it. */
function matching(names: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  const begins = (name: string) => {
    const lower = name.toLowerCase();
    return lower.startsWith(wanted) || lower.replace(/^(attributes|resource)\./, "").startsWith(wanted);
  };
  const contains = names.filter((name) => name.toLowerCase().includes(wanted));
  return [...contains.filter(begins), ...contains.filter((name) => !begins(name))].slice(0, MOST);
}

/** What can be written at a place, given the fields and values that are known. */
export function suggest(place: Place, text: string, fields: readonly string[], values: readonly string[]): Suggestion[] {
  const { wanted, typed, field } = place;
  const spaced = (names: readonly string[]) =>
    matching(names, typed).map((label) => ({ label, insert: `${label} ` }));
  if (wanted === "field") return spaced(fields);
  if (wanted === "join") return spaced(["and", "or"]);
  if (wanted === "operator") {
    const before = tokenize(text.slice(0, place.start)).findLast(({ kind }) => kind === "word");
    return spaced(operatorsOf(before?.text ?? ""));
  }
  const own = OWN_VALUES[field ?? ""];
  if (own) return spaced(own);
  return matching(values, typed).map((label) => ({ label, insert: `${quote(label)} ` }));
}
