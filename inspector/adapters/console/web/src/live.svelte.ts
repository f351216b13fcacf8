/** What is new, by server-sent events. The light is on only while news come: a heartbeat is due every second. */

import type { EventAnswer, LineStatus, Part } from "./api/client";
import { clock, compareClock } from "./clock.svelte";

const SILENT_AFTER_MS = 2500; // and the clock ticks every half second: the light is off at most 3 s after the last news
const RECONNECT_MS = 2000;

interface Listener {
  part?: (part: Part) => void;
  event?: (event: EventAnswer) => void;
  line?: (line: LineStatus) => void;
  /** Too much was missed: read the lists again. */
  reset?: () => void;
  /** News come again after a silence. */
  back?: () => void;
}

export const live = $state({ newsAt: 0, problem: "" });
const listeners = new Set<Listener>();
const seen = new Set<number>();
let source: EventSource | null = null;

export function isLive(): boolean {
  return clock.now - live.newsAt < SILENT_AFTER_MS;
}

/** Call these functions about news until the returned one is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function connect(): void {
  source?.close();
  source = new EventSource("/api/v1/stream");
  on("part", (part: Part) => {
    if (isNew(part.number)) for (const each of listeners) each.part?.(part);
  });
  on("event", (event: EventAnswer) => {
    for (const each of listeners) each.event?.(event);
  });
  on("line", (line: LineStatus) => {
    for (const each of listeners) each.line?.(line);
  });
  on("reset", () => {
    for (const each of listeners) each.reset?.();
  });
  on("heartbeat", (beat: { now: string }) => {
    compareClock(beat.now);
    live.problem = "";
  });
  on("problem", (problem: { detail: string }) => {
    live.problem = problem.detail;
  });
  source.onerror = () => {
    if (source?.readyState === EventSource.CLOSED) setTimeout(connect, RECONNECT_MS);
  };
}

function on<T>(kind: string, take: (body: T) => void): void {
  source?.addEventListener(kind, (message) => {
    const wasSilent = Date.now() - live.newsAt >= SILENT_AFTER_MS;
    live.newsAt = Date.now();
    take(JSON.parse(message.data) as T);
    if (wasSilent) for (const each of listeners) each.back?.();
  });
}

/** A part may come twice after a reconnection. */
function isNew(number: number): boolean {
  if (seen.has(number)) return false;
  seen.add(number);
  if (seen.size > 4000) for (const old of [...seen].slice(0, 2000)) seen.delete(old);
  return true;
}
