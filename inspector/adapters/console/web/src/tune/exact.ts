/** Exact binomial intervals of a share (Clopper and Pearson), as the service works them out. */

const CONFIDENCE = 0.95;
const MAX_STEPS = 500;
const TINY = 1e-300;
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
  -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

export interface Share {
  found: number;
  parts: number;
  value: number | null;
  low: number | null;
  high: number | null;
}

function logGamma(x: number): number {
  const shifted = x - 1;
  const base = shifted + 7.5;
  const sum = LANCZOS.reduce((total, each, at) => (at ? total + each / (shifted + at) : each), 0);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum);
}

/** The continued fraction of the incomplete beta function (Lentz). */
function fraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / Math.max(1 - ((a + b) * x) / (a + 1), TINY);
  let value = d;
  for (let m = 1; m <= MAX_STEPS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    const step = d * c;
    value *= step;
    if (Math.abs(step - 1) < 1e-13) break;
  }
  return value;
}

function nonZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}

/** The regularised incomplete beta function. */
function betaShare(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x));
  return x < (a + 1) / (a + b + 2) ? (front * fraction(x, a, b)) / a : 1 - (front * fraction(1 - x, b, a)) / b;
}

function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60 && high - low > 1e-12; step++) {
    const middle = (low + high) / 2;
    if (betaShare(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const known = new Map<string, Share>();

/** A share with its two-sided interval; all null where there are no parts. */
export function measuredShare(found: number, parts: number): Share {
  if (parts === 0) return { found: 0, parts: 0, value: null, low: null, high: null };
  const key = `${found}/${parts}`;
  const kept = known.get(key);
  if (kept) return kept;
  const tail = (1 - CONFIDENCE) / 2;
  const low = found ? betaQuantile(tail, found, parts - found + 1) : 0;
  const high = found < parts ? betaQuantile(1 - tail, found + 1, parts - found) : 1;
  const share = { found, parts, value: found / parts, low, high };
  if (known.size > 20_000) known.clear();
  known.set(key, share);
  return share;
}
