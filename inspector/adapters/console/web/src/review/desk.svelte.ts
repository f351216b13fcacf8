/** The parts on one person's desk: leased ahead, prefetched, answered, and open again after an undo. */

import { api, ApiError, body, type PartReport, type Schemas } from "../api/client";
import { prefetchPicture } from "../lib/pictures";
import { leased, release, type Given } from "./leases";
import { newIdentity, onStored, outbox, queue, type Outgoing, type Said } from "../outbox.svelte";

export type ReviewList = Schemas["ReviewList"];
export type ReviewLabel = Schemas["ReviewLabel"];

export interface Card {
  given: Given;
  /** Null until it is read, and for a blind review. */
  report: PartReport | null;
  /** What the model was asked and shown; null until somebody looks at it, and for a blind review. */
  views: readonly Schemas["AskedViewFacts"][] | null;
  /** What others said: read for adjudications only. */
  reviews: Schemas["PartReviewsModel"] | null;
  tag: string | null;
  answer: { id: string; label: ReviewLabel; said: Said } | null;
  /** False after an undo: the part waits again, and the next lease may give it back. */
  isLeased: boolean;
}

const AHEAD = 5;
const PREFETCHED = 3;
const KEPT_BEHIND = 20;
const RENEW_MS = 60_000;
const LOOK_AGAIN_MS = 5000;

export class Desk {
  cards = $state<Card[]>([]);
  at = $state(0);
  error = $state<unknown>(null);
  hasAsked = $state(false);
  waiting = $state<Schemas["WaitingModel"] | null>(null);
  private isFilling = false;
  private wantsMore = false;
  private isLeft = false;
  private order: string[] = [];

  constructor(
    readonly line: string,
    readonly list: ReviewList,
    readonly blind: boolean,
  ) {}

  get card(): Card | null {
    return this.cards[this.at] ?? null;
  }

  get canUndo(): boolean {
    return this.order.length > 0;
  }

  /** Work until the returned function is called: it gives back what is not answered. */
  open(): () => void {
    void this.fill();
    const renew = setInterval(() => void this.fill(), RENEW_MS);
    const look = setInterval(() => this.card || void this.fill(), LOOK_AGAIN_MS);
    const stop = onStored((sent) => sent.kind === "withdrawal" && void this.fill());
    return () => {
      clearInterval(renew);
      clearInterval(look);
      stop();
      this.isLeft = true;
      this.giveBack(this.cards.filter((card) => !card.answer && card.isLeased).map((card) => card.given));
    };
  }

  /** Take parts until enough lie ahead, and renew the leases of those that do. */
  async fill(): Promise<void> {
    if (this.isFilling) {
      this.wantsMore = true;
      return;
    }
    this.isFilling = true;
    this.wantsMore = false;
    const { line, list, blind } = this;
    try {
      const parts = Math.min(50, AHEAD + this.unsent().length);
      const given = await leased({ line, list, blind, parts });
      if (this.isLeft) return this.giveBack(given.filter((each) => !this.cards.some((card) => card.answer && card.given.result_id === each.result_id)));
      this.take(given);
      this.error = null;
    } catch (failure) {
      if (failure instanceof ApiError || !this.card) this.error = failure;
    } finally {
      this.hasAsked = true;
      this.isFilling = false;
    }
    if (this.wantsMore) return this.fill();
    await this.count();
  }

  /** Ask how many parts wait; the next part does not wait for that. */
  private async count(): Promise<void> {
    const params = { path: { line: this.line } };
    this.waiting = await body(api.GET("/api/v1/lines/{line}/waiting-parts", { params })).catch(() => this.waiting);
  }

  answer(said: Said): void {
    const card = this.card;
    if (!card) return;
    const id = newIdentity();
    const isFirst = !card.answer;
    this.put(card, { id, said, kind: this.list === "disputed" ? "adjudication" : "answer", until: isFirst && card.isLeased ? card.given.until : null });
    card.answer = { id, label: said.label, said };
    this.order = [...this.order.filter((each) => each !== card.given.result_id), card.given.result_id];
  }

  /** Take the last answer back, and show its part again. */
  undo(): void {
    const place = this.cards.findIndex((each) => each.given.result_id === this.order.at(-1));
    const card = this.cards[place];
    this.order = this.order.slice(0, -1);
    if (!card?.answer) return;
    this.put(card, { id: newIdentity(), said: null, kind: "withdrawal", takesBack: card.answer.id, until: null });
    card.answer = null;
    card.isLeased = false;
    this.at = place;
  }

  next(): void {
    if (this.at < this.cards.length) this.at += 1;
    this.prepare();
    void this.fill();
  }

  back(): void {
    if (this.at > 0) this.at -= 1;
  }

  private put(card: Card, entry: Pick<Outgoing, "id" | "said" | "kind" | "until"> & { takesBack?: string }): void {
    const { result_id, trigger_id } = card.given;
    queue({ takesBack: "", ...entry, resultId: result_id, trigger: trigger_id, ifMatch: card.tag });
  }

  private take(given: readonly Given[]): void {
    for (const each of given) {
      const known = this.cards.find((card) => card.given.result_id === each.result_id);
      if (known) {
        known.given = each;
        if (!known.answer) known.isLeased = true;
      } else if (!this.unsent().some((sent) => sent.resultId === each.result_id)) this.add(each);
    }
    this.drop(new Set(given.map((each) => each.result_id)));
    this.prepare();
  }

  private add(given: Given): void {
    this.cards.push({ given, report: null, views: null, reviews: null, tag: null, answer: null, isLeased: true });
  }

  /** Leave out parts ahead that others have by now, and old ones far behind. */
  private drop(held: ReadonlySet<string>): void {
    const shown = this.card;
    this.cards = this.cards.filter((card, place) => {
      if (card === shown || card.answer || !card.isLeased) return place >= this.at - KEPT_BEHIND;
      return held.has(card.given.result_id);
    });
    this.at = shown ? Math.max(0, this.cards.indexOf(shown)) : this.cards.findIndex((each) => !each.answer);
    if (this.at < 0) this.at = this.cards.length;
  }

  private prepare(): void {
    for (const card of this.cards.slice(this.at, this.at + PREFETCHED)) {
      if (card.given.has_picture) prefetchPicture(card.given.result_id);
      void this.read(card);
    }
  }

  private async read(card: Card): Promise<void> {
    const params = { path: { result_id: card.given.result_id } };
    try {
      if (!this.blind && !card.report) card.report = await body(api.GET("/api/v1/parts/{result_id}", { params }));
      if (this.list === "disputed" && !card.reviews) {
        const answer = await api.GET("/api/v1/parts/{result_id}/reviews", { params });
        card.reviews = await body(Promise.resolve(answer));
        card.tag = answer.response.headers.get("ETag");
      }
    } catch {
      return; // the picture and the lease are enough to answer; the next look reads again
    }
  }

  async readViews(card: Card): Promise<void> {
    card.views = [];
    const params = { path: { result_id: card.given.result_id } };
    const found = await body(api.GET("/api/v1/parts/{result_id}/questions", { params })).catch(() => null);
    card.views = found?.questions ?? [];
  }

  private unsent(): Outgoing[] {
    return outbox.all.filter((each) => !each.refusal && each.kind !== "withdrawal");
  }

  private giveBack(given: readonly Given[]): void {
    for (const each of given) void release(each.result_id);
  }
}
