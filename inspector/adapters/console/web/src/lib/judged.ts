/** Reasons that a judgement can give; parts with any other one got the fail-safe without a judgement. */
const JUDGED = new Set(["NO_DEFECT", "DEFECT", "DISAGREEMENT"]);

export function isJudged(reason: string): boolean {
  return JUDGED.has(reason);
}
