/** The report of a teaching, as the service stores it: what `inspector teach LINE --json` prints. */

import type { Disposition } from "../api/client";
import type { Share } from "../tune/exact";
import type { Move } from "../tune/replay";

interface Measured {
  ng: number;
  ok: number;
  escape: Share;
  overkill: Share;
  auroc: number | null;
}
interface MovedPart {
  result_id: string;
  camera: string;
  trigger_id: string;
  decided_at: string;
  p_ng: number | null;
  is_ng: boolean | null;
  before: Disposition;
  after: Disposition;
  is_escape: boolean;
}
export interface Report {
  base: number;
  advice: string;
  refused: string;
  objection: string | null;
  model: string;
  second_opinion: Record<string, unknown>;
  backbones: readonly string[];
  members: readonly string[];
  methods: Readonly<Record<string, number | null>>;
  grouped_by: string;
  used: { ng: number; ok: number; groups: number };
  measured: Measured;
  curve: readonly { ok: number; ng: number; measured: Measured }[];
  missing: readonly string[];
  left_out: readonly string[];
  without_picture: number;
  left_out_for_challenge_set: number;
  price: { parts: number; unknown: number; escapes: readonly [number, number]; overkill: readonly [number, number]; moved: Readonly<Record<string, number>> };
  moved: readonly MovedPart[];
}

export function movesOf(report: Report): Move[] {
  return report.moved.map((each, number) => ({
    number, resultId: each.result_id, camera: each.camera, triggerId: each.trigger_id, decidedAt: each.decided_at, pNg: each.p_ng,
    isNg: each.is_ng, before: each.before, after: each.after, isEscape: each.is_escape,
  }));
}
