/** Connecting one camera, kept in the browser: nothing is saved before `commission`. */

import { api, ApiError, body, errorText, type Camera, type LineAnswer, type Schemas } from "../api/client";

export type Severity = Schemas["Severity"];
export type Shot = Schemas["ShotAnswer"];
export type Region = [number, number, number, number];
export type Origin = "existing" | "template" | "like";
type Settings = Record<string, unknown>;

export const STEPS = ["line", "product", "region", "golden", "shot", "commission"] as const;
export type Step = (typeof STEPS)[number];

const PINNED = 8;
const PIN_AGAIN_MS = 20 * 60_000;
const MAX_REFERENCES = 4;
const WHOLE: Region = [0, 0, 1, 1];
const STEP_OF_FIELD: Readonly<Record<string, Step>> = { line: "line", template: "line", like: "line", cameras: "region", golden: "golden", references: "golden" };

interface Defect {
  name: string;
  severity: Severity;
}

export function keptAddress(camera: Pick<Camera, "line" | "camera">, sha256: string): string {
  return `/api/v1/unknown-cameras/${encodeURIComponent(camera.line)}/${encodeURIComponent(camera.camera)}/pictures/${sha256}`;
}

/** The kept pictures of a camera, newest first. A camera may send one picture many times: it is listed once. */
export function keptPictures(camera: Pick<Camera, "pictures">): string[] {
  return [...new Set(camera.pictures.map((each) => each.sha256))];
}

export class Wizard {
  step = $state<Step>("line");
  pictures = $state<readonly string[]>([]);
  templates = $state<readonly Schemas["LineTemplate"][]>([]);
  lines = $state<readonly LineAnswer[]>([]);
  origin = $state<Origin>("template");
  template = $state("");
  like = $state("");
  product = $state("");
  question = $state("");
  defects = $state<Defect[]>([]);
  deadlineMs = $state(1000);
  failSafe = $state("REVIEW");
  region = $state<Region | null>(null);
  golden = $state<string[]>([]);
  picture = $state("");
  shot = $state.raw<Shot | null>(null);
  faults = $state<readonly Schemas["FieldFault"][]>([]);
  failure = $state("");
  isBusy = $state(false);
  isDone = $state(false);

  constructor(readonly camera: Camera) {
    this.pictures = keptPictures(camera).slice(0, PINNED);
    this.picture = this.pictures[0] ?? "";
  }

  get existing(): LineAnswer | undefined {
    return this.lines.find((each) => each.status.line === this.camera.line);
  }

  /** Read what can be chosen, and keep the pictures for now. */
  async open(): Promise<void> {
    [this.templates, this.lines] = await Promise.all([body(api.GET("/api/v1/line-templates")), body(api.GET("/api/v1/lines"))]);
    await this.#pin();
    if (this.existing) this.origin = "existing";
    this.template = this.templates.at(-1)?.name ?? "";
    this.takeBasis();
  }

  /** Keep the pictures until the returned function is called. */
  keepPictures(): () => void {
    const again = setInterval(() => void this.#pin().catch(() => undefined), PIN_AGAIN_MS);
    return () => clearInterval(again);
  }

  /** Fill the fields from the chosen template or line. */
  takeBasis(): void {
    const basis = this.#basis();
    this.product = String(basis["product"] ?? "");
    this.question = String(basis["question"] ?? "");
    this.defects = Object.entries((basis["defects"] ?? {}) as Record<string, Severity>).map(([name, severity]) => ({ name, severity }));
    this.deadlineMs = Number(basis["deadline_ms"] ?? 1000);
    this.failSafe = String(basis["fail_safe"] ?? "REVIEW");
    this.shot = null;
  }

  /** The first fault of a field, in words. */
  fault(field: string): string {
    const found = this.faults.find((each) => each.field === field || each.field.startsWith(`${field}.`) || each.field.startsWith(`${field}[`));
    return found ? `${found.problem}; ${found.remedy}` : "";
  }

  toggleGolden(sha256: string): void {
    this.golden = this.golden.includes(sha256) ? this.golden.filter((each) => each !== sha256) : [...this.golden, sha256];
    this.shot = null;
  }

  /** Judge the chosen picture. A verdict about settings or a picture that were changed meanwhile is not shown. */
  async takeShot(): Promise<void> {
    await this.#run(async () => {
      const path = { line: this.camera.line, camera: this.camera.camera };
      const asked = this.#wantedShot();
      const shot = await body(api.POST("/api/v1/cameras/{line}/{camera}/test-shots", { params: { path }, body: asked }));
      if (JSON.stringify(this.#wantedShot()) === JSON.stringify(asked)) this.shot = shot;
    });
  }

  #wantedShot(): Schemas["ShotRequest"] {
    const golden = this.origin === "existing" || (this.origin === "like" && !this.golden.length) ? (this.#source()?.live.golden ?? []) : this.golden;
    return { declaration: this.#declaration() as Record<string, never>, golden: [...golden], picture: this.picture };
  }

  /** The one call that saves: the camera on its line, or the new line with its camera and golden samples. */
  async commission(): Promise<void> {
    await this.#run(async () => {
      if (this.origin === "existing") await this.#connect();
      else await this.#create();
      this.isDone = true;
    });
  }

  #source(): LineAnswer | undefined {
    return this.origin === "like" ? this.lines.find((each) => each.status.line === this.like) : this.existing;
  }

  #basis(): Settings {
    if (this.origin === "template") return this.templates.find((each) => each.name === this.template)?.settings ?? {};
    return (this.#source()?.live.pipeline ?? {}) as Settings;
  }

  #own(): Settings {
    const cameras = { [this.camera.camera]: { region: this.region } };
    const references = this.golden.length ? { references: Math.min(MAX_REFERENCES, this.golden.length) } : {};
    return {
      product: this.product, question: this.question, deadline_ms: this.deadlineMs, fail_safe: this.failSafe, cameras,
      defects: Object.fromEntries(this.defects.map((each) => [each.name.trim(), each.severity])), ...references,
    };
  }

  #declaration(): Settings {
    const basis = this.#basis();
    if (this.origin === "existing") {
      return { ...basis, cameras: { ...(basis["cameras"] as Settings), [this.camera.camera]: { region: this.region } } };
    }
    const golden = this.golden.length ? { golden_samples: this.golden.map((each) => `golden/${each.slice(0, 16)}`) } : {};
    return { ...basis, ...this.#own(), ...golden, line: this.camera.line, learned: null };
  }

  async #pin(): Promise<void> {
    if (!this.pictures.length) return;
    const path = { line: this.camera.line, camera: this.camera.camera };
    await body(api.PUT("/api/v1/unknown-cameras/{line}/{camera}/pins", { params: { path }, body: { sha256: [...this.pictures] } }));
  }

  async #connect(): Promise<void> {
    const path = { line: this.camera.line, camera: this.camera.camera };
    const seen = await api.GET("/api/v1/cameras/{line}/{camera}", { params: { path } });
    const header = { "If-Match": seen.response.headers.get("ETag") };
    await body(api.PUT("/api/v1/cameras/{line}/{camera}/connection", { params: { path, header }, body: { region: this.region, reason: "" } }));
  }

  async #create(): Promise<void> {
    const { line, camera } = this.camera;
    const basis = this.origin === "like" ? { like: this.like } : { template: this.template };
    const golden = this.golden.map((sha256) => ({ line, camera, sha256 }));
    await body(api.POST("/api/v1/lines", { body: { line, ...basis, settings: this.#own() as Record<string, never>, golden, reason: "" } }));
  }

  /** Run a request. What is refused at a field leads to the step of that field. */
  async #run(work: () => Promise<void>): Promise<void> {
    this.isBusy = true;
    [this.failure, this.faults] = ["", []];
    try {
      await work();
    } catch (error) {
      this.faults = error instanceof ApiError ? (error.problem.errors ?? []) : [];
      this.failure = errorText(error);
      const field = this.faults[0]?.field.split(/[.[]/)[0];
      if (field) this.step = STEP_OF_FIELD[field] ?? "product";
    } finally {
      this.isBusy = false;
    }
  }
}

export function regionOf(region: Region | null): Region {
  return region ?? WHOLE;
}
