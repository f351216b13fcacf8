/** Keys by their letter; where the layout writes another script, such as Hangul, by their place on the keyboard. */
export function keyOf(event: KeyboardEvent): string {
  if (/^[\x20-\x7e]$/.test(event.key)) return event.key.toLowerCase();
  const place = /^(?:Key([A-Z])|Digit(\d))$/.exec(event.code);
  return place ? (place[1] ?? place[2] ?? "").toLowerCase() : event.key;
}

/** Whether a key belongs to a field, a dialog or the browser and not to the page. */
export function isElsewhere(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return true;
  if (document.querySelector("dialog[open]")) return true;
  return event.target instanceof HTMLElement && event.target.closest("input:not([type=checkbox]), textarea, select") !== null;
}

/** After a click the keys are the page's again: Space is the next part, not the same button once more. */
export function releaseControl(event: MouseEvent): void {
  const isByPointer = event.detail > 0;
  if (isByPointer && event.target instanceof HTMLElement) event.target.closest<HTMLElement>("button, input[type=checkbox]")?.blur();
}

export type KeyActions = Record<string, (() => void) | undefined>;
/** Keys that do something once, however long they are held. */
const ONCE = "ynuz ";

/** Do what a key of the page stands for. */
export function runKey(event: KeyboardEvent, actions: KeyActions): void {
  if (isElsewhere(event)) return;
  const key = keyOf(event);
  const isOnControl = event.target instanceof HTMLElement && event.target.closest("button, a, summary, input") !== null;
  const action = actions[key];
  if (!action || (isOnControl && (key === "Enter" || key === " "))) return;
  if (!event.repeat || !ONCE.includes(key)) action();
  event.preventDefault();
}
