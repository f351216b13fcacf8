/** Replays the stored votes of a line at any limits, in the browser: the same figures as `what-if` of the service. */

import type { Disposition, Schemas } from "../api/client";
import { measuredShare, type Share } from "./exact";

type Severity = Schemas["Severity"];
export type Limits = readonly [passBelow: number, rejectAbove: number];

const DISPOSITIONS: readonly Disposition[] = ["PASS", "REVIEW", "REJECT"];
const [PASS, REVIEW, REJECT, UNKNOWN] = [0, 1, 2, 3];
const SEVERITIES: readonly Severity[] = ["critical", "major", "minor"];

function bytes(text: string): ArrayBuffer {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer;
}

/** The votes of parts, as one ladder counts them. */
export class ReplayTable {
  readonly number: Float64Array;
  readonly truth: Int8Array;
  readonly counts: Uint8Array;
  readonly hasVotes: Uint8Array;
  readonly camera: Int32Array;
  readonly decidedAt: Float64Array;
  /** Severity of an NG part, the most serious of its classes: an index of SEVERITIES, or -1. */
  private readonly votes: Int32Array;
  private readonly mayPass: Uint8Array;
  private readonly mayReject: Uint8Array;
  private readonly score: Float64Array;
  private readonly lowest: Float64Array;
  private readonly highest: Float64Array;
  private readonly elapsed: Float64Array;
  private readonly isSure: Uint8Array;
  private readonly isLast: Uint8Array;
  private readonly unread: number;

  constructor(readonly answer: Schemas["ReplayTableAnswer"]) {
    const { parts, votes } = answer;
    this.number = new Float64Array(bytes(parts.number));
    this.truth = new Int8Array(bytes(parts.truth));
    this.counts = new Uint8Array(bytes(parts.counts));
    this.hasVotes = new Uint8Array(bytes(parts.has_votes));
    this.camera = new Int32Array(bytes(parts.camera));
    this.decidedAt = new Float64Array(bytes(parts.decided_at));
    this.votes = new Int32Array(bytes(parts.votes));
    this.mayPass = new Uint8Array(bytes(parts.may_pass));
    this.mayReject = new Uint8Array(bytes(parts.may_reject));
    this.score = new Float64Array(bytes(votes.score));
    this.lowest = new Float64Array(bytes(votes.lowest));
    this.highest = new Float64Array(bytes(votes.highest));
    this.elapsed = new Float64Array(bytes(votes.elapsed_ms));
    this.isSure = new Uint8Array(bytes(votes.is_sure));
    this.isLast = new Uint8Array(bytes(votes.is_last));
    this.unread = DISPOSITIONS.indexOf(answer.unread);
  }

  get parts(): number {
    return this.number.length;
  }

  /** The score after all stored votes of each part; NaN without a readable one. */
  finalScores(): Float64Array {
    let end = 0;
    return Float64Array.from(this.votes, (count) => ((end += count), count ? (this.score[end - 1] ?? NaN) : NaN));
  }

  /** What each part would get, as the service's `VoteTable.outcomes`. */
  replay([passBelow, rejectAbove]: Limits): Outcomes {
    const found = new Outcomes(this.parts);
    let start = 0;
    for (let part = 0; part < this.parts; part++) {
      const count = this.votes[part] ?? 0;
      this.replayPart(found, part, start, count, this.mayPass[part] ? passBelow : 0, this.mayReject[part] ? rejectAbove : 1);
      const last = count ? (this.score[start + count - 1] ?? NaN) : NaN;
      const could = found.outcome[part] === UNKNOWN && this.mayPass[part] === 1 && last < passBelow;
      found.mayPass[part] = found.outcome[part] === PASS || could ? 1 : 0;
      start += count;
    }
    return found;
  }

  private replayPart(found: Outcomes, part: number, start: number, count: number, low: number, high: number): void {
    for (let at = start; at < start + count; at++) {
      const [score, lowest, highest] = [this.score[at] ?? NaN, this.lowest[at] ?? NaN, this.highest[at] ?? NaN];
      const isSettled = this.isSure[at] === 1 && (score < low || score > high);
      const isDecided = highest < low || lowest > high || (lowest >= low && highest <= high);
      if (!isSettled && !isDecided && !this.isLast[at]) continue;
      found.outcome[part] = score > high ? REJECT : score < low ? PASS : Number.isNaN(score) ? this.unread : REVIEW;
      found.votes[part] = at - start + 1;
      found.elapsed[part] = this.elapsed[at] ?? NaN;
      return;
    }
  }
}

export class Outcomes {
  readonly outcome: Uint8Array;
  readonly votes: Int32Array;
  readonly elapsed: Float64Array;
  readonly mayPass: Uint8Array;

  constructor(parts: number) {
    this.outcome = new Uint8Array(parts).fill(UNKNOWN);
    this.votes = new Int32Array(parts);
    this.elapsed = new Float64Array(parts).fill(NaN);
    this.mayPass = new Uint8Array(parts);
  }
}

export interface Shares {
  escape: Share;
  overkill: Share;
  review: Share;
}

export interface EscapeRow {
  defect: string | null;
  severity: Severity | null;
  before: Share;
  after: Share;
}

export interface Move {
  number: number;
  resultId: string;
  triggerId: string;
  camera: string;
  decidedAt: string;
  pNg: number | null;
  isNg: boolean | null;
  before: Disposition | null;
  after: Disposition | null;
  isEscape: boolean;
}

export interface Figures {
  parts: number;
  reviewed: number;
  unknown: number;
  unknownNg: number;
  escapes: number;
  moved: number;
  before: Shares;
  after: Shares;
  votes: readonly [number, number];
  latency: readonly [number, number];
  reviewsPerHour: readonly [number, number];
  cameras: readonly { camera: string; before: Shares; after: Shares }[];
  severities: readonly EscapeRow[];
  defects: readonly EscapeRow[];
  /** Indexes of the parts that move: escapes first, then reviewed parts, then the newest. */
  order: readonly number[];
}

type Counts = [ng: number, passed: number, ok: number, rejected: number, all: number, review: number];

function counted(counts: Counts, truth: number | undefined, outcome: number | undefined): void {
  counts[4] += 1;
  if (outcome === REVIEW) counts[5] += 1;
  if (truth === 1) {
    counts[0] += 1;
    if (outcome === PASS) counts[1] += 1;
  } else if (truth === 0) {
    counts[2] += 1;
    if (outcome === REJECT) counts[3] += 1;
  }
}

function shares([ng, passed, ok, rejected, all, review]: Counts): Shares {
  return { escape: measuredShare(passed, ng), overkill: measuredShare(rejected, ok), review: measuredShare(review, all) };
}

const noParts = (): Counts => [0, 0, 0, 0, 0, 0];

/** The live ladder at the live limits, compared with another ladder or other limits on the same parts. */
export class Comparison {
  private readonly before: Outcomes;
  private readonly scores: Float64Array;
  /** The place of each part in the changed table; -1 where it is not there. */
  private readonly place: Int32Array;
  private readonly ng: { part: number; classes: readonly string[]; severity: number }[] = [];

  constructor(
    readonly live: ReplayTable,
    readonly changed: ReplayTable,
  ) {
    const { thresholds, severities, ng_defects } = live.answer;
    this.before = live.replay([thresholds.pass_below ?? 0, thresholds.reject_above ?? 1]);
    this.scores = live.finalScores();
    const places = new Map(Array.from(changed.number, (number, at) => [number, at]));
    this.place = Int32Array.from(live.number, (number) => places.get(number) ?? -1);
    let next = 0;
    live.truth.forEach((truth, part) => {
      if (truth !== 1) return;
      const classes = ng_defects[next++] ?? [];
      const ranks = classes.map((each) => severities[each]).filter((each) => each !== undefined).map((each) => SEVERITIES.indexOf(each));
      this.ng.push({ part, classes, severity: ranks.length ? Math.min(...ranks) : -1 });
    });
  }

  at(limits: Limits): Figures {
    const after = this.changed.replay(limits);
    const { live, before, place } = this;
    const cameras = live.answer.cameras.map((camera) => ({ camera, before: noParts(), after: noParts(), parts: 0 }));
    const all = { before: noParts(), after: noParts() };
    const sums = { votes: [0, 0], elapsed: [0, 0] };
    const counts = { parts: 0, reviewed: 0, unknown: 0, unknownNg: 0, escapes: 0 };
    const isKnown = new Uint8Array(live.parts);
    const order: { at: number; rank: number }[] = [];
    for (let part = 0; part < live.parts; part++) {
      const now = place[part] ?? -1;
      if (now < 0) continue;
      const [then, next, truth] = [before.outcome[part] ?? UNKNOWN, after.outcome[now] ?? UNKNOWN, live.truth[part]];
      const known = live.counts[part] === 1 && then !== UNKNOWN && next !== UNKNOWN;
      const isEscape = truth === 1 && live.hasVotes[part] === 1 && after.mayPass[now] === 1 && !before.mayPass[part];
      if (truth === 1 && next === UNKNOWN) counts.unknownNg += 1;
      if (isEscape) counts.escapes += 1;
      if (isEscape || (known && then !== next)) order.push({ at: part, rank: isEscape ? 0 : truth === 0 || truth === 1 ? 1 : 2 });
      if (!known) {
        if (live.counts[part] === 1) counts.unknown += 1;
        continue;
      }
      isKnown[part] = 1;
      counts.parts += 1;
      if (truth === 0 || truth === 1) counts.reviewed += 1;
      const camera = cameras[live.camera[part] ?? 0];
      for (const [side, outcome] of [["before", then], ["after", next]] as const) {
        counted(all[side], truth, outcome);
        if (camera) counted(camera[side], truth, outcome);
      }
      sums.votes = [(sums.votes[0] ?? 0) + (before.votes[part] ?? 0), (sums.votes[1] ?? 0) + (after.votes[now] ?? 0)];
      sums.elapsed = [(sums.elapsed[0] ?? 0) + (before.elapsed[part] ?? 0), (sums.elapsed[1] ?? 0) + (after.elapsed[now] ?? 0)];
    }
    order.sort((one, other) => one.rank - other.rank || (live.number[other.at] ?? 0) - (live.number[one.at] ?? 0));
    const mean = (pair: readonly number[]) => [(pair[0] ?? 0) / (counts.parts || 1), (pair[1] ?? 0) / (counts.parts || 1)] as const;
    const overall = { before: shares(all.before), after: shares(all.after) };
    const rate = live.answer.parts_per_hour;
    return {
      ...counts,
      moved: order.length,
      ...overall,
      votes: mean(sums.votes),
      latency: mean(sums.elapsed),
      reviewsPerHour: [(overall.before.review.value ?? 0) * rate, (overall.after.review.value ?? 0) * rate],
      cameras: cameras.map((each) => ({ camera: each.camera, before: shares(each.before), after: shares(each.after) })),
      severities: this.bySeverity(isKnown, after),
      defects: this.byDefect(isKnown, after),
      order: order.map((each) => each.at),
    };
  }

  /** What is shown of a part that moves. */
  move(part: number, limits: Limits, after: Outcomes = this.changed.replay(limits)): Move {
    const { live, before } = this;
    const now = this.place[part] ?? -1;
    const truth = live.truth[part];
    const score = this.scores[part] ?? NaN;
    return {
      number: live.number[part] ?? 0,
      resultId: live.answer.result_ids[part] ?? "",
      triggerId: live.answer.trigger_ids[part] ?? "",
      camera: live.answer.cameras[live.camera[part] ?? 0] ?? "",
      decidedAt: new Date((live.decidedAt[part] ?? 0) * 1000).toISOString(),
      pNg: Number.isNaN(score) ? null : score,
      isNg: truth === 1 ? true : truth === 0 ? false : null,
      before: DISPOSITIONS[before.outcome[part] ?? UNKNOWN] ?? null,
      after: DISPOSITIONS[after.outcome[now] ?? UNKNOWN] ?? null,
      isEscape: truth === 1 && after.mayPass[now] === 1 && !before.mayPass[part],
    };
  }

  moves(figures: Figures, limits: Limits, most: number): Move[] {
    const after = this.changed.replay(limits);
    return figures.order.slice(0, most).map((part) => this.move(part, limits, after));
  }

  private escapesOf(isKnown: Uint8Array, after: Outcomes, fits: (ng: { classes: readonly string[]; severity: number }) => boolean): { before: Share; after: Share } {
    const chosen = this.ng.filter((each) => isKnown[each.part] === 1 && fits(each));
    const passed = (outcomes: Outcomes, at: (part: number) => number) => chosen.filter((each) => outcomes.outcome[at(each.part)] === PASS).length;
    return {
      before: measuredShare(passed(this.before, (part) => part), chosen.length),
      after: measuredShare(passed(after, (part) => this.place[part] ?? -1), chosen.length),
    };
  }

  private bySeverity(isKnown: Uint8Array, after: Outcomes): EscapeRow[] {
    return SEVERITIES.map((severity, rank) => ({ defect: null, severity, ...this.escapesOf(isKnown, after, (ng) => ng.severity === rank) }))
      .filter((each) => each.before.parts > 0);
  }

  private byDefect(isKnown: Uint8Array, after: Outcomes): EscapeRow[] {
    const { severities } = this.live.answer;
    const rank = (name: string) => (SEVERITIES as readonly (string | undefined)[]).indexOf(severities[name]) >>> 0;
    const names = [...new Set(this.ng.flatMap((each) => each.classes))].sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
    const found: EscapeRow[] = names.map((defect) => ({
      defect, severity: severities[defect] ?? null, ...this.escapesOf(isKnown, after, (ng) => ng.classes.includes(defect)),
    }));
    const unnamed = this.escapesOf(isKnown, after, (ng) => ng.classes.length === 0);
    return unnamed.before.parts ? [...found, { defect: null, severity: null, ...unnamed }] : found;
  }
}
