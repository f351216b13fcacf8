/** The browser's own clock: every age and the light run on it, whatever the service does. */

const TICK_MS = 500;

export const clock = $state({ now: Date.now(), behindMs: 0 });

setInterval(() => {
  clock.now = Date.now();
}, TICK_MS);

/** Learn how far this machine's clock is behind the service's. */
export function compareClock(serverTime: string): void {
  clock.behindMs = Date.parse(serverTime) - Date.now();
}

/** Seconds since a time of the service, by the browser's clock. */
export function ageS(time: string): number {
  return Math.max(0, (clock.now + clock.behindMs - Date.parse(time)) / 1000);
}
