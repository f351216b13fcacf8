/** Times as the plant's clocks show them, in fields that know no time zone. */

import { locale } from "../i18n/index.svelte";

const MINUTE_MS = 60_000;

/** The plant's wall time as a field for date and time holds it: 2026-11-28T14:05. */
export function fieldTime(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "" : new Date(at + offsetMs(at)).toISOString().slice(0, 16);
}

/** The instant at which the plant's clocks show what a field holds, in UTC; empty for an empty field. */
export function instant(field: string): string {
  const wall = Date.parse(`${field}Z`);
  if (Number.isNaN(wall)) return "";
  const near = wall - offsetMs(wall);
  return `${new Date(wall - offsetMs(near)).toISOString().slice(0, 19)}Z`;
}

/** How far the plant's clocks are ahead of UTC at an instant. */
function offsetMs(at: number): number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: locale.timeZone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric",
  });
  const shown = Object.fromEntries(format.formatToParts(at).map((part) => [part.type, Number(part.value)]));
  const wall = Date.UTC(shown["year"] ?? 0, (shown["month"] ?? 1) - 1, shown["day"], shown["hour"], shown["minute"]);
  return wall - Math.floor(at / MINUTE_MS) * MINUTE_MS;
}
