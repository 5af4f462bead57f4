import { describe, expect, it } from "vitest";
import { isAddress, localPath } from "./foreign";

const HERE = "http://127.0.0.1:7070";

describe("links that come from elsewhere", () => {
  it("stay on this server where they lead to it, under whatever name", () => {
    expect(localPath("/slos/a?x=1", HERE)).toBe("/slos/a?x=1");
    expect(localPath(`${HERE}/traces?filter=a`, HERE)).toBe("/traces?filter=a");
    expect(localPath("https://vario.example/slos/infer/runbook", HERE)).toBe("/slos/infer/runbook");
  });

  it("leave it where they lead to another", () => {
    for (const link of ["https://runbooks.example/a", "//evil.example/x", "javascript:alert(1)", "text"]) {
      expect(localPath(link, HERE)).toBeNull();
    }
  });

  it("are addresses rather than words", () => {
    expect(["https://a.example/b", "/slos/a", "# Look\nhere", "//a", "javascript:x"].map(isAddress)).toEqual([
      true, true, false, false, false,
    ]);
  });
});
