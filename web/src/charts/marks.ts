/** Marks on a time axis: what they are called, and which stand together; pure. */

import type { Mark, MarkKind } from "../api/markers";

/** A letter and a word for each kind: no meaning by colour alone. */
export const KINDS: Record<MarkKind, readonly [glyph: string, word: string]> = {
  release: ["R", "release"],
  config: ["C", "configuration"],
  flag: ["F", "feature flag"],
  scale: ["S", "scaling"],
  fix: ["✓", "fix"],
  note: ["N", "note"],
  incident: ["!", "incident"],
  moment: ["•", "moment"],
};

export interface Group {
  /** Pixels from the left edge of the plot. */
  left: number;
  marks: Mark[];
  /** Pixels that its words may take. */
  room: number;
  /** Its words stand left of the line, for there is no room on the right. */
  flipped: boolean;
}

/** A chip without words is so wide. */
export const CHIP = 18;
const MOST_ROOM = 150;
/** Words need so much to say anything. */
const LEAST_WORDS = 58;

/** Marks between `min` and `max`, those that would cover each other together. */
export function groupMarks(marks: readonly Mark[], [min, max]: readonly [number, number], width: number): Group[] {
  const groups: Group[] = [];
  for (const mark of marks) {
    if (mark.time < min || mark.time > max) continue;
    const left = ((mark.time - min) / (max - min)) * width;
    const last = groups.at(-1);
    if (last && left - last.left < CHIP) last.marks.push(mark);
    else groups.push({ left, marks: [mark], room: 0, flipped: false });
  }
  groups.forEach((group, index) => {
    const after = (groups[index + 1]?.left ?? width) - group.left;
    const other = groups[index - 1];
    const before = other ? group.left - other.left - Math.max(CHIP, other.flipped ? 0 : other.room) : group.left;
    group.flipped = after < LEAST_WORDS + CHIP && index === groups.length - 1 && before > after;
    group.room = Math.max(0, Math.min(MOST_ROOM, group.flipped ? before : after) - 6);
  });
  return groups;
}

export const hasWords = ({ room, marks }: Group) => room >= LEAST_WORDS && (marks[0]?.label ?? "") !== "";
