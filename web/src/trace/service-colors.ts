/** A colour for each service, the same wherever it appears, and no two alike within one trace. */

export const COLOR_COUNT = 8;

/** Any start would do; this one gives the demo's three services colours that lie far apart. */
const HASH_START = 745;

/** FNV-1a, of which the upper three bits are spread best: a number below `COLOR_COUNT`. */
function hash(text: string): number {
  let value = HASH_START;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 16777619);
  }
  return value >>> 29;
}

/** Names of colours by service. One whose own colour is taken gets the next free one. */
export function colorServices(services: readonly string[]): Map<string, string> {
  const names = [...new Set(services)].sort();
  const taken = new Set<number>();
  const colors = new Map<string, string>();
  for (const name of names) {
    let index = hash(name);
    while (taken.has(index) && taken.size < COLOR_COUNT) index = (index + 1) % COLOR_COUNT;
    taken.add(index);
    colors.set(name, `--group-${index}`);
  }
  return colors;
}
