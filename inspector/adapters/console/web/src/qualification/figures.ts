/** The figures of a qualification, as the service stores them. */

export interface BoundedShare {
  found: number;
  parts: number;
  share: number | null;
  upper: number;
}

export interface Figures {
  escape: BoundedShare;
  overkill: BoundedShare;
  review: BoundedShare;
  review_ok: BoundedShare;
  ok_groups: number;
  ng_groups: number;
  votes_mean: number | null;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  slow: number;
  confidence: number;
}

interface OfCameras {
  cameras: readonly string[];
}

/** The newest result of each region, of results newest first; cameras that the line lost count no more. */
export function newestOfRegions<Result extends OfCameras>(results: readonly Result[], declared: readonly string[]): Result[] {
  const seen = new Set<string>();
  const found: Result[] = [];
  for (const each of results) {
    const isOpen = each.cameras.length ? each.cameras.every((name) => declared.includes(name) && !seen.has(name)) : !found.length;
    if (!isOpen) continue;
    found.push(each);
    for (const name of each.cameras) seen.add(name);
  }
  return found;
}

export function challengePicture(line: string, number: number, side: number): string {
  return `/api/v1/lines/${encodeURIComponent(line)}/challenge-parts/${number}/picture?side=${side}`;
}
