/**
 * Answers of people on their way to the service. Each waits in the browser's store until the service has it, whatever
 * happens to the network, the tab or the service in between. Its identity makes a repeated one the same answer.
 */

import { api, ApiError, body, type Schemas } from "./api/client";
import { clock } from "./clock.svelte";
import { t } from "./i18n/index.svelte";
import { readSession, session } from "./session.svelte";

export type Said = Omit<Schemas["AnswerRequest"], "review_id">;
export interface Outgoing {
  id: string;
  kind: "answer" | "adjudication" | "withdrawal";
  resultId: string;
  trigger: string;
  reviewer: string;
  /** The lease's end: a later answer is not sent. */
  until: string | null;
  ifMatch: string | null;
  /** Of a withdrawal: the review that it takes back. */
  takesBack: string;
  said: Said | null;
  /** Why the service or this page refused it; empty while it waits. */
  refusal: string;
  queuedAt: number;
}
type Outcome = "stored" | "later" | { refusal: string };

const PREFIX = "inspector.outbox.";
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 8000;

export const outbox = $state<{ all: Outgoing[] }>({ all: [] });
const listeners = new Set<(sent: Outgoing) => void>();
const unkept = new Set<string>();
let isSending = false;
let retryMs = FIRST_RETRY_MS;
let retry = 0;

/** 128 random bits; crypto.randomUUID is missing where the console is served without TLS. */
export function newIdentity(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("");
}

export function waitingCount(): number {
  return outbox.all.filter((each) => !each.refusal).length;
}

export function refused(): Outgoing[] {
  return outbox.all.filter((each) => each.refusal);
}

/** Call a function about each stored answer until the returned one is called. */
export function onStored(listener: (sent: Outgoing) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function queue(entry: Omit<Outgoing, "reviewer" | "refusal" | "queuedAt">): void {
  if (entry.takesBack && outbox.all.some((each) => each.takesBack === entry.takesBack)) return; // asked for twice
  const full = { ...entry, reviewer: session.who?.name ?? "", refusal: "", queuedAt: Date.now() };
  keep(full);
  outbox.all.push(full);
  void send();
}

/** Where the browser's store is full or forbidden, the answer lives as long as the page. */
function keep(entry: Outgoing): void {
  try {
    localStorage.setItem(PREFIX + entry.id, JSON.stringify(entry));
  } catch {
    unkept.add(entry.id);
  }
}

export function discard(id: string): void {
  localStorage.removeItem(PREFIX + id);
  unkept.delete(id);
  outbox.all = outbox.all.filter((each) => each.id !== id);
}

/** Send what waits, oldest first. One answer that cannot be sent yet stops those behind it. */
async function send(): Promise<void> {
  if (isSending) return;
  isSending = true;
  clearTimeout(retry);
  try {
    for (let next = first(); next; next = first()) if (!(await settle(next))) return;
    retryMs = FIRST_RETRY_MS;
  } finally {
    isSending = false;
  }
}

function first(): Outgoing | undefined {
  return outbox.all.find((each) => !each.refusal);
}

async function settle(entry: Outgoing): Promise<boolean> {
  const outcome = await attempt(entry);
  if (outcome === "later") {
    retry = setTimeout(() => void send(), retryMs);
    retryMs = Math.min(LONGEST_RETRY_MS, retryMs * 2);
    return false;
  }
  if (outcome === "stored") {
    discard(entry.id);
    for (const each of listeners) each(entry);
  } else {
    entry.refusal = outcome.refusal;
    keep(entry);
  }
  return true;
}

async function attempt(entry: Outgoing): Promise<Outcome> {
  try {
    if (!session.who || session.isLost) await readSession();
    if (session.who?.name !== entry.reviewer) return { refusal: t("outbox.other_person", { name: entry.reviewer }) };
    if (entry.until && Date.parse(entry.until) < Date.now() + clock.behindMs) return await afterLease(entry);
    await post(entry);
    return "stored";
  } catch (error) {
    return await meaning(error);
  }
}

/** An answer that comes too late is not sent; one that was stored before its confirmation was lost is there. */
async function afterLease(entry: Outgoing): Promise<Outcome> {
  const path = { result_id: entry.resultId };
  const { reviews } = await body(api.GET("/api/v1/parts/{result_id}/reviews", { params: { path } }));
  return reviews.some((each) => each.review_id === entry.id) ? "stored" : { refusal: t("outbox.lease_ended") };
}

async function post(entry: Outgoing): Promise<void> {
  const path = { result_id: entry.resultId };
  if (entry.kind === "withdrawal") {
    const header = { "Idempotency-Key": entry.id };
    const both = { path: { ...path, review_id: entry.takesBack }, header };
    await body(api.POST("/api/v1/parts/{result_id}/reviews/{review_id}/withdrawal", { params: both }));
    return;
  }
  if (!entry.said) return;
  const said = { ...entry.said, review_id: entry.id };
  if (entry.kind === "answer") await body(api.POST("/api/v1/parts/{result_id}/reviews", { params: { path }, body: said }));
  else {
    const header = { "If-Match": entry.ifMatch };
    await body(api.PUT("/api/v1/parts/{result_id}/adjudication", { params: { path, header }, body: said }));
  }
}

async function meaning(error: unknown): Promise<Outcome> {
  if (!(error instanceof ApiError) || error.status === 401 || error.status === 429 || error.status >= 500) return "later";
  if (error.type !== "foreign-page") return { refusal: error.message };
  await readSession().catch(() => undefined); // the browser logged in again: the next attempt carries its text
  return "later";
}

/** Read what an earlier page left, and what other tabs queue and settle. */
function restore(): void {
  const stored = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  const found = [...stored.flatMap((key) => parsed(localStorage.getItem(key))), ...outbox.all.filter((each) => unkept.has(each.id))];
  const known = new Map(outbox.all.map((each) => [each.id, each]));
  outbox.all = found.map((each) => known.get(each.id) ?? each).sort((one, other) => one.queuedAt - other.queuedAt);
}

function parsed(text: string | null): Outgoing[] {
  try {
    const found = JSON.parse(text ?? "") as Outgoing;
    return typeof found.id === "string" && typeof found.resultId === "string" ? [found] : [];
  } catch {
    return [];
  }
}

function sendNow(): void {
  retryMs = FIRST_RETRY_MS;
  void send();
}

addEventListener("storage", restore);
addEventListener("online", sendNow);
restore();
sendNow();
