/** What is new, by server-sent events. The light is on only while news come: a heartbeat is due every second. */

import type { EventAnswer, LineStatus, Part } from "./api/client";
import { clock, compareClock } from "./clock.svelte";
import { SharedStream, type News } from "./shared_stream";

const SILENT_AFTER_MS = 2500; // and the clock ticks every half second: the light is off at most 3 s after the last news

interface Listener {
  part?: (part: Part) => void;
  event?: (event: EventAnswer) => void;
  line?: (line: LineStatus) => void;
  /** Too much was missed: read the lists again. */
  reset?: () => void;
  /** News come again after a silence. */
  back?: () => void;
}

interface Bodies {
  part: Part;
  event: EventAnswer;
  line: LineStatus;
  reset: object;
  heartbeat: { now: string };
  problem: { detail: string };
}

export const live = $state({ newsAt: 0, problem: "" });
const listeners = new Set<Listener>();
const seen = new Set<string>();

export function isLive(): boolean {
  return clock.now - live.newsAt < SILENT_AFTER_MS;
}

/** Call these functions about news until the returned one is called. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Take the news of this session until the returned function is called. */
export function connect(session: string): () => void {
  return new SharedStream(session, take).end;
}

function take<Kind extends News["kind"]>({ kind, data }: News & { kind: Kind }): void {
  const wasSilent = Date.now() - live.newsAt >= SILENT_AFTER_MS;
  live.newsAt = Date.now();
  TAKERS[kind](JSON.parse(data) as Bodies[Kind]);
  if (wasSilent) tell((each) => each.back?.());
}

const TAKERS: { readonly [Kind in keyof Bodies]: (body: Bodies[Kind]) => void } = {
  part: (part) => isNew("part", part) && tell((each) => each.part?.(part)),
  event: (event) => isNew("event", event) && tell((each) => each.event?.(event)),
  line: (line) => tell((each) => each.line?.(line)),
  reset: () => tell((each) => each.reset?.()),
  heartbeat: ({ now }) => {
    compareClock(now);
    live.problem = "";
  },
  problem: ({ detail }) => {
    live.problem = detail;
  },
};

function tell(call: (listener: Listener) => void): void {
  for (const each of listeners) call(each);
}

/** What is new may come twice: after a reconnection, and when another tab's stream takes over. */
function isNew(kind: string, { number }: { number: number }): boolean {
  const name = `${kind} ${number}`;
  if (seen.has(name)) return false;
  seen.add(name);
  if (seen.size > 4000) for (const old of [...seen].slice(0, 2000)) seen.delete(old);
  return true;
}
