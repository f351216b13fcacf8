/** What a camera's minutes say about its focus and exposure. */

import type { Schemas } from "./api/client";

export type Minute = Schemas["CameraMinuteAnswer"];

const STEADY_MINUTES = 5; // fewer say nothing about steadiness
const FOCUS_SPREAD = 0.25; // of the median
const EXPOSURE_SPREAD = 0.1; // of the range from black to white
const PROPOSAL_FRAMES = 50;
const FOCUS_MARGIN = 0.5; // of the least minute: parts differ, a blurred picture has far less
const EXPOSURE_MARGIN = 0.1;
const FROZEN_CHANGE = 0.00001; // above that of two equal pictures, which is 0

export interface Steadiness {
  /** Null before enough minutes were seen. */
  focus: boolean | null;
  exposure: boolean | null;
}
export interface QualityProposal {
  frames: number;
  minSharpness: number;
  luminance: [number, number];
  minChange: number;
}

function numbers(values: readonly (number | null)[]): number[] {
  return values.filter((each): each is number => each !== null).sort((one, other) => one - other);
}

function spread(sorted: readonly number[]): number {
  return (sorted.at(-1) ?? 0) - (sorted[0] ?? 0);
}

export function steadiness(minutes: readonly Minute[]): Steadiness {
  const [focus, exposure] = [numbers(minutes.map((each) => each.sharpness)), numbers(minutes.map((each) => each.luminance))];
  if (focus.length < STEADY_MINUTES) return { focus: null, exposure: null };
  const median = focus[Math.floor(focus.length / 2)] ?? 0;
  return { focus: spread(focus) <= FOCUS_SPREAD * median, exposure: spread(exposure) <= EXPOSURE_SPREAD };
}

/** Limits beyond what was seen; null before enough frames were. */
export function proposal(minutes: readonly Minute[]): QualityProposal | null {
  const measured = minutes.filter((each) => each.sharpness !== null);
  const frames = measured.reduce((sum, each) => sum + each.frames, 0);
  const [focus, exposure] = [numbers(measured.map((each) => each.sharpness)), numbers(measured.map((each) => each.luminance))];
  if (frames < PROPOSAL_FRAMES || !focus.length || !exposure.length) return null;
  const darkest = Math.max(0, (exposure[0] ?? 0) - EXPOSURE_MARGIN);
  const brightest = Math.min(1, (exposure.at(-1) ?? 1) + EXPOSURE_MARGIN);
  const minChange = minutes.some((each) => each.frozen > 0) ? 0 : FROZEN_CHANGE;
  return { frames, minSharpness: (focus[0] ?? 0) * FOCUS_MARGIN, luminance: [darkest, brightest], minChange };
}

/** The limits of a line, which all its cameras keep; null while one of them sent too few frames. */
export function combined(proposals: readonly (QualityProposal | null)[]): QualityProposal | null {
  const known = proposals.filter((each) => each !== null);
  if (!known.length || known.length < proposals.length) return null;
  return {
    frames: known.reduce((sum, each) => sum + each.frames, 0),
    minSharpness: Math.min(...known.map((each) => each.minSharpness)),
    luminance: [Math.min(...known.map((each) => each.luminance[0])), Math.max(...known.map((each) => each.luminance[1]))],
    minChange: Math.min(...known.map((each) => each.minChange)),
  };
}
