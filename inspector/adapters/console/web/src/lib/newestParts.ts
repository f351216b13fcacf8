/** A page reads parts, and news bring further ones. A part that comes both ways is in a list once. */

import type { Part } from "../api/client";

export function hasPart(parts: readonly Part[], { number }: Part): boolean {
  return parts.some((each) => each.number === number);
}

/** The list with a part of the news, newest first; unchanged where the part is in it already. */
export function withNew(parts: readonly Part[], part: Part, most: number): Part[] {
  return newestFirst([...parts, ...(hasPart(parts, part) ? [] : [part])], most);
}

/** The newest parts as they were read, and before them those that news brought while they were read. */
export function withShown(read: readonly Part[], shown: readonly Part[], most: number): Part[] {
  const newest = read[0]?.number ?? 0;
  return newestFirst([...shown.filter((part) => part.number > newest), ...read], most);
}

function newestFirst(parts: readonly Part[], most: number): Part[] {
  return parts.toSorted((one, other) => other.number - one.number).slice(0, most);
}
