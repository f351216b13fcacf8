/** What a person is about to say about one part: classes, boxes and a note, until the answer is given. */

import type { PartReport, Schemas } from "../api/client";
import type { PictureBox } from "../lib/Viewer.svelte";
import type { Said } from "../outbox.svelte";
import type { ReviewLabel } from "./desk.svelte";
import { marked, type Mark } from "./marks";

export const OTHER_CLASS = "other";
const LONGEST_S = 86_400;

export class Answering {
  isNg = $state(false);
  classes = $state<string[]>([]);
  marks = $state<Mark[]>([]);
  note = $state("");
  isDrawing = $state(false);
  private shownAt = Date.now();

  /** Begin with a part: empty, or with what the person said about it before. */
  start(said?: Said): void {
    this.isNg = false;
    this.isDrawing = false;
    this.classes = [...(said?.classes ?? [])];
    this.marks = (said?.boxes ?? []).map(marked);
    this.note = said?.note ?? "";
    this.shownAt = Date.now();
  }

  said(label: ReviewLabel): Said {
    const isBad = label === "NG";
    const classes = isBad ? [...new Set([...this.classes, ...this.marks.flatMap((mark) => mark.defect ?? [])])] : [];
    const boxes = isBad ? this.marks.map((mark) => ({ bbox_norm: [...mark.edges] as Schemas["BoxModel"]["bbox_norm"], defect: mark.defect })) : [];
    this.isNg = false;
    return { label, classes, boxes, note: this.note.trim(), seconds: Math.min(LONGEST_S, (Date.now() - this.shownAt) / 1000) };
  }

  toggleClass(name: string): void {
    this.isNg = true;
    this.classes = this.classes.includes(name) ? this.classes.filter((each) => each !== name) : [...this.classes, name];
    const last = this.marks.at(-1);
    if (last && !last.defect && this.classes.includes(name)) last.defect = name;
  }

  draw(edges: Mark["edges"]): void {
    this.isNg = true;
    this.marks.push(marked({ bbox_norm: edges, defect: this.classes.at(-1) ?? null }));
  }

  change(id: string, edges: Mark["edges"]): void {
    for (const mark of this.marks) if (mark.id === id) mark.edges = edges;
  }

  remove(id: string): void {
    this.marks = this.marks.filter((mark) => mark.id !== id);
  }

  /** Take over the model's boxes to correct them. */
  correct(report: PartReport, declared: readonly string[]): void {
    this.isNg = true;
    for (const { bbox_norm, defect } of report.report.findings)
      if (bbox_norm) this.marks.push(marked({ bbox_norm, defect: declared.includes(defect) ? defect : null }));
  }

  leave(): void {
    this.isNg = false;
    this.isDrawing = false;
  }

  get boxes(): PictureBox[] {
    return this.marks.map((mark) => ({ ...mark, label: mark.defect ?? "", look: "review" as const, isOwn: true }));
  }
}

/** The boxes of the model's findings. */
export function findingBoxes(report: PartReport | null): PictureBox[] {
  return (report?.report.findings ?? []).flatMap((finding, at) =>
    finding.bbox_norm
      ? [{ id: `model-${at}`, label: finding.defect, edges: finding.bbox_norm as unknown as PictureBox["edges"], look: finding.severity === "minor" ? ("review" as const) : ("reject" as const) }]
      : [],
  );
}
