/** Keys for a person's answer and for the picture, wherever a part is shown. */

import type { PictureAids } from "../lib/aids.svelte";
import type { KeyActions } from "../lib/keys";
import { OTHER_CLASS, type Answering } from "./answering.svelte";
import type { ReviewLabel } from "./desk.svelte";

export interface PannedViewer {
  zoomBy(factor: number): void;
  reset(): void;
  pan(x: number, y: number): boolean;
}
const STEP = 1.5;

export function answerKeys(answering: Answering, declared: readonly string[], answer: (label: ReviewLabel) => void): KeyActions {
  const classes = declared.slice(0, 9).map((name, at) => [String(at + 1), () => answering.toggleClass(name)] as const);
  return {
    ...Object.fromEntries(classes),
    y: () => answer("OK"),
    n: () => (answering.isNg = true),
    u: () => answer("UNSURE"),
    d: () => (answering.isDrawing = !answering.isDrawing),
    Enter: answering.isNg ? () => answer("NG") : undefined,
    Escape: () => answering.leave(),
  };
}

/** Arrows move a zoomed picture; else left and right are steps to other parts. */
export function pictureKeys(aids: PictureAids, viewer: PannedViewer | undefined, back: () => void, on: () => void): KeyActions {
  const closer = () => viewer?.zoomBy(STEP);
  return {
    "+": closer,
    "=": closer,
    "-": () => viewer?.zoomBy(1 / STEP),
    "0": () => viewer?.reset(),
    ArrowLeft: () => viewer?.pan(1, 0) || back(),
    ArrowRight: () => viewer?.pan(-1, 0) || on(),
    ArrowUp: () => void viewer?.pan(0, 1),
    ArrowDown: () => void viewer?.pan(0, -1),
    b: () => aids.toggleBoxes(),
    h: () => aids.toggleHeat(),
    g: () => aids.nextGolden(),
  };
}

/** The classes that a line declares, and one for all others. */
export function answerClasses(defects: Record<string, unknown> | null | undefined): string[] {
  return [...Object.keys(defects ?? {}), OTHER_CLASS];
}
