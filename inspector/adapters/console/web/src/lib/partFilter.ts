/** Which parts a person looks at. The filter is in the address; lists and the steps from part to part ask with it. */

import type { Disposition, Part, Reason, Schemas } from "../api/client";

export const FILTER_NAMES = [
  "line", "camera", "disposition", "reason", "trigger_id", "part_id", "lot", "defect", "from", "to", "p_min", "p_max", "review",
] as const;
export type PartFilter = Record<(typeof FILTER_NAMES)[number], string>;
/** Names that only the service can compare. */
const UNSEEN = ["lot", "defect", "review"] as const;

export function partFilter(query: URLSearchParams): PartFilter {
  return Object.fromEntries(FILTER_NAMES.map((name) => [name, query.get(name) ?? ""])) as PartFilter;
}

/** The filter as a question to the service. */
export function asked(filter: PartFilter) {
  const { disposition, reason, review, p_min, p_max, ...texts } = filter;
  const given = Object.fromEntries(Object.entries(texts).filter(([, value]) => value)) as Partial<typeof texts>;
  return {
    ...given,
    ...(disposition && { disposition: disposition as Disposition }),
    ...(reason && { reason: reason as Reason }),
    ...(review && { review: review as Schemas["ReviewFilter"] }),
    ...(p_min && { p_min: Number(p_min) }),
    ...(p_max && { p_max: Number(p_max) }),
  };
}

/** Whether a new part belongs to the list; null where only the service can tell. */
export function fits(filter: PartFilter, { verdict }: Part): boolean | null {
  const own = { line: verdict.line, camera: verdict.camera, disposition: verdict.disposition, reason: verdict.reason, trigger_id: verdict.trigger_id, part_id: verdict.part_id ?? "" };
  if (Object.entries(own).some(([name, value]) => filter[name as keyof typeof own] && filter[name as keyof typeof own] !== value)) return false;
  if (!isBetween(Date.parse(verdict.decided_at), Date.parse(filter.from), Date.parse(filter.to))) return false;
  if ((filter.p_min || filter.p_max) && (verdict.p_ng == null || !isBetween(verdict.p_ng, share(filter.p_min), share(filter.p_max)))) return false;
  return UNSEEN.some((name) => filter[name]) ? null : true;
}

function share(text: string): number {
  return text ? Number(text) : Number.NaN;
}

/** Whether a number lies between two limits, of which NaN is none. */
function isBetween(value: number, low: number, high: number): boolean {
  return !(value < low) && !(value > high);
}
