import { describe, expect, it } from "vitest";
import { parseMarkdown, splitInline } from "./markdown";

describe("a runbook", () => {
  it("falls into headings, lists, code and paragraphs", () => {
    const text = "# Errors\n\nLook\nhere:\n\n1. The newest\n   release.\n2) Then logs\n\n```sh\nvario up\n```\n- end";
    expect(parseMarkdown(text)).toEqual([
      { kind: "heading", level: 1, text: "Errors" },
      { kind: "paragraph", text: "Look here:" },
      { kind: "list", ordered: true, start: 1, items: ["The newest release.", "Then logs"] },
      { kind: "code", text: "vario up" },
      { kind: "list", ordered: false, start: 1, items: ["end"] },
    ]);
  });

  it("keeps code whose fence is never closed", () => {
    expect(parseMarkdown("```\na\nb")).toEqual([{ kind: "code", text: "a\nb" }]);
  });
});

describe("a line", () => {
  it("has code, emphasis and links", () => {
    expect(splitInline("see `a*b`, **now**, [the page](/slos/x) or https://example.com/a?b=1.")).toEqual([
      { kind: "text", text: "see " },
      { kind: "code", text: "a*b" },
      { kind: "text", text: ", " },
      { kind: "strong", text: "now" },
      { kind: "text", text: ", " },
      { kind: "link", text: "the page", href: "/slos/x" },
      { kind: "text", text: " or " },
      { kind: "link", text: "https://example.com/a?b=1", href: "https://example.com/a?b=1" },
      { kind: "text", text: "." },
    ]);
  });

  it("makes no link of anything but web addresses and paths", () => {
    expect(splitInline("[x](javascript:alert(1)) [y](//evil.example)").map(({ kind }) => kind)).not.toContain("link");
  });
});
