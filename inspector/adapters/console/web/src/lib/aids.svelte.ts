/** What a person lays over a part's picture: boxes, its heat map, a golden sample beside it or blinking with it. */

const BLINK_MS = 600;
/** What a person chose stays from part to part. */
const chosen = $state<{ showsBoxes: boolean; showsHeat: boolean; golden: "off" | "beside" | "blink" }>({ showsBoxes: true, showsHeat: false, golden: "off" });

export class PictureAids {
  /** Addresses of pictures; null where there is none. */
  heatSource = $state<string | null>(null);
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

  /** Whether the overlay hides the picture, as a golden sample in its turn does. */
  get isOverlayFull(): boolean {
    return this.golden === "blink" && this.isGoldenTurn && this.goldenSource !== null;
  }

  get overlay(): string | null {
    if (this.isOverlayFull) return this.goldenSource;
    return this.showsHeat ? this.heatSource : null;
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
    if (this.heatSource) chosen.showsHeat = !chosen.showsHeat;
  }

  nextGolden(): void {
    if (this.goldenSource) chosen.golden = this.golden === "off" ? "beside" : this.golden === "beside" ? "blink" : "off";
  }
}
