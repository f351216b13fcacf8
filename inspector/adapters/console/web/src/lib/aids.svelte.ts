/** What a person lays over a part's picture: boxes, its heat map, a golden sample beside it or blinking with it. */

import { api, body, type Schemas } from "../api/client";

const BLINK_MS = 600;
/** What a person chose stays from part to part. */
const chosen = $state<{ showsBoxes: boolean; showsHeat: boolean; golden: "off" | "beside" | "blink" }>({ showsBoxes: true, showsHeat: false, golden: "off" });

export class PictureAids {
  /** The part whose heat map can be shown; null where it has none. */
  heatOf = $state<string | null>(null);
  /** Read when somebody wants to see it. */
  heat = $state.raw<Schemas["HeatMapAnswer"] | null>(null);
  /** The address of a golden sample; null where there is none. */
  goldenSource = $state<string | null>(null);
  private isGoldenTurn = $state(false);

  get showsBoxes(): boolean {
    return chosen.showsBoxes;
  }

  get showsHeat(): boolean {
    return chosen.showsHeat;
  }

  get golden(): typeof chosen.golden {
    return chosen.golden;
  }

  get isBeside(): boolean {
    return this.golden === "beside" && this.goldenSource !== null;
  }

  /** Whether the golden sample hides the part now. */
  get isGoldenShown(): boolean {
    return this.golden === "blink" && this.isGoldenTurn && this.goldenSource !== null;
  }

  /** The golden sample in its turn. */
  get overlay(): string | null {
    return this.isGoldenShown ? this.goldenSource : null;
  }

  /** Take another part, whose heat map is read once somebody wants to see it. */
  follow(resultId: string | null): void {
    if (resultId !== this.heatOf) this.heat = null;
    this.heatOf = resultId;
    if (resultId && this.showsHeat && !this.heat) void this.readHeat(resultId);
  }

  private async readHeat(resultId: string): Promise<void> {
    const params = { path: { result_id: resultId } };
    const found = await body(api.GET("/api/v1/parts/{result_id}/heatmap", { params })).catch(() => null);
    if (this.heatOf === resultId) this.heat = found;
  }

  /** Let the golden sample and the part take turns until the returned function is called. */
  blink(): (() => void) | undefined {
    this.isGoldenTurn = false;
    if (this.golden !== "blink") return undefined;
    const turn = setInterval(() => (this.isGoldenTurn = !this.isGoldenTurn), BLINK_MS);
    return () => clearInterval(turn);
  }

  toggleBoxes(): void {
    chosen.showsBoxes = !chosen.showsBoxes;
  }

  toggleHeat(): void {
    if (this.heatOf) chosen.showsHeat = !chosen.showsHeat;
  }

  nextGolden(): void {
    if (this.goldenSource) chosen.golden = this.golden === "off" ? "beside" : this.golden === "beside" ? "blink" : "off";
  }
}
