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

export function challengePicture(line: string, number: number, side: number): string {
  return `/api/v1/lines/${encodeURIComponent(line)}/challenge-parts/${number}/picture?side=${side}`;
}
