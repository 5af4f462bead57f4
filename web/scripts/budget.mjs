// Fails the build when the JavaScript that a browser may load passes the budget, gzipped.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const TOTAL_KB = 250;
const FIRST_PAGE_KB = 120;
const STATIC = join(dirname(fileURLToPath(import.meta.url)), "../../src/vario/api/static");

const sizes = new Map(
  readdirSync(join(STATIC, "assets"))
    .filter((name) => name.endsWith(".js"))
    .map((name) => [name, gzipSync(readFileSync(join(STATIC, "assets", name))).length / 1024]),
);
const html = readFileSync(join(STATIC, "index.html"), "utf8");
const sum = (entries) => entries.reduce((total, [, size]) => total + size, 0);
const total = sum([...sizes]);
const first = sum([...sizes].filter(([name]) => html.includes(name) || name.startsWith("overview-")));

const show = (name, size, limit) => `${name}: ${size.toFixed(1)} KB of ${limit} KB gzip`;
console.log(show("JavaScript in total", total, TOTAL_KB));
console.log(show("JavaScript of the first page", first, FIRST_PAGE_KB));
if (total > TOTAL_KB || first > FIRST_PAGE_KB) {
  console.error([...sizes].map(([name, size]) => `  ${size.toFixed(1).padStart(6)} KB  ${name}`).join("\n"));
  console.error("over budget: drop a dependency or split a page off");
  process.exit(1);
}
