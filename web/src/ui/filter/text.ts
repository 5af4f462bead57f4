/** Writing the filter grammar: quoting, and adding a condition to a filter. */

const PLAIN_NAME = /^[^\s()",'`=!<>~&|.]+(\.[^\s()",'`=!<>~&|.]+)*$/;
const ESCAPES: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r" };

/** A text in double quotes. */
export function quote(text: string): string {
  return `"${text.replace(/["\\\n\t\r]/g, (character) => ESCAPES[character] ?? character)}"`;
}

/** A text as one word of a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}

/** The name of a field in one of the two maps of a span or log record. */
export function attributeField(scope: "attributes" | "resource", name: string): string {
  return `${scope}.${PLAIN_NAME.test(name) ? name : quote(name)}`;
}

/** True where `or` stands outside of quotes and parentheses, so that `and` would bind tighter. */
function hasLooseOr(filter: string): boolean {
  let depth = 0;
  for (const [token] of filter.matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[()]|[^\s()"'`]+/g)) {
    if (token === "(") depth++;
    else if (token === ")") depth--;
    else if (depth === 0 && token.toLowerCase() === "or") return true;
  }
  return false;
}

/** `filter` and `condition` together; a condition that stands there already is not repeated. */
export function addCondition(filter: string, condition: string): string {
  const before = filter.trim();
  if (!before) return condition;
  if (before === condition || before.endsWith(` and ${condition}`)) return before;
  return `${hasLooseOr(before) ? `(${before})` : before} and ${condition}`;
}

export interface FilterFault {
  problem: string;
  /** Index of the character at fault. */
  position: number;
  remedy: string;
}

/** Takes the server's refusal of a filter apart; null where it is about something else. */
export function readFault(message: string): FilterFault | null {
  const match = /^filter: ([\s\S]*?) at character (\d+)\n[\s\S]*\^\n([\s\S]*)$/.exec(message);
  if (!match) return null;
  return { problem: match[1] ?? "", position: Number(match[2]) - 1, remedy: match[3] ?? "" };
}
