/** The part of Markdown that runbooks use, as values; pure. */

export type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "paragraph"; text: string }
  | { kind: "list"; ordered: boolean; start: number; items: string[] }
  | { kind: "code"; text: string };

export type Piece =
  | { kind: "text" | "code" | "strong" | "em"; text: string }
  | { kind: "link"; text: string; href: string };

const ITEM = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const FENCE = /^\s*(```|~~~)/;

/** Splits a text into blocks. Lines of a paragraph or item are joined; nested lists become flat. */
export function parseMarkdown(text: string): Block[] {
  const blocks: Block[] = [];
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const last = blocks.at(-1);
    const open = at > 0 && lines[at - 1]?.trim() !== "";
    const fence = FENCE.exec(line)?.[1];
    const heading = HEADING.exec(line);
    const item = ITEM.exec(line);
    if (fence) {
      const end = lines.findIndex((other, index) => index > at && other.trim().startsWith(fence));
      const stop = end < 0 ? lines.length : end;
      blocks.push({ kind: "code", text: lines.slice(at + 1, stop).join("\n") });
      at = stop;
    } else if (heading) {
      blocks.push({ kind: "heading", level: heading[1]?.length ?? 1, text: heading[2] ?? "" });
    } else if (item) {
      const ordered = item[1] !== undefined;
      if (last?.kind === "list" && last.ordered === ordered) last.items.push(item[2] ?? "");
      else blocks.push({ kind: "list", ordered, start: Number(item[1] ?? 1), items: [item[2] ?? ""] });
    } else if (line.trim() === "") {
      continue;
    } else if (open && last?.kind === "list") {
      last.items.push(`${last.items.pop() ?? ""} ${line.trim()}`);
    } else if (open && last?.kind === "paragraph") {
      last.text += ` ${line.trim()}`;
    } else {
      blocks.push({ kind: "paragraph", text: line.trim() });
    }
  }
  return blocks;
}

const INLINE =
  /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)|(https?:\/\/[^\s<>)"'`]*[^\s<>)"'`.,;:!?])/g;

/** Splits a line into text, code, emphasis and links; only web addresses and paths become links. */
export function splitInline(text: string): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, em, label, target, bare] = match;
    if (match.index > done) pieces.push({ kind: "text", text: text.slice(done, match.index) });
    done = match.index + whole.length;
    if (code) pieces.push({ kind: "code", text: code });
    else if (strong) pieces.push({ kind: "strong", text: strong });
    else if (em) pieces.push({ kind: "em", text: em });
    else if (bare) pieces.push({ kind: "link", text: bare, href: bare });
    else if (label && target && /^(https?:\/\/|\/(?!\/))/.test(target)) {
      pieces.push({ kind: "link", text: label, href: target });
    } else pieces.push({ kind: "text", text: whole });
  }
  if (done < text.length) pieces.push({ kind: "text", text: text.slice(done) });
  return pieces;
}
