/** The parts that another page asks people to review next. They stay in this tab until they are answered. */

const MAX_SENT = 500;

function place(line: string): string {
  return `inspector.named.${line}`;
}

/** Keep these parts, and return the address where they are reviewed. */
export function namedQueue(line: string, resultIds: readonly string[]): string {
  sessionStorage.setItem(place(line), JSON.stringify(resultIds.slice(0, MAX_SENT)));
  return `/review?line=${encodeURIComponent(line)}&list=named`;
}

/** The parts that a lease of this list must name. */
export function namedParts(line: string, list: string): string[] {
  if (list !== "named") return [];
  const kept: unknown = JSON.parse(sessionStorage.getItem(place(line)) ?? "[]");
  return Array.isArray(kept) ? kept.filter((each) => typeof each === "string") : [];
}
