/** Texts by language. A text is never built from parts: word order differs. */

import en from "./en.json";
import ko from "./ko.json";

interface Share {
  found: number;
  parts: number;
  value: number | null;
  low: number | null;
  high: number | null;
}
export type TextKey = keyof typeof en;
export type Language = "en" | "ko" | "pseudo";

const LANGUAGES: readonly Language[] = ["en", "ko", "pseudo"];
const CATALOGUES: Record<string, Partial<Record<string, string>>> = { en, ko };
const STORED = "inspector.language";

export const locale = $state<{ language: Language; timeZone: string }>({ language: chosen(), timeZone: "UTC" });

function chosen(): Language {
  const wished = new URLSearchParams(location.search).get("lang") ?? localStorage.getItem(STORED) ?? navigator.language;
  return LANGUAGES.find((each) => wished.startsWith(each)) ?? "en";
}

export function setLanguage(language: Language): void {
  locale.language = language;
  localStorage.setItem(STORED, language);
}

/** Return a text in the chosen language, with its {names} filled in. */
export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  const text = CATALOGUES[locale.language]?.[key] ?? en[key];
  const filled = text.replace(/\{(\w+)\}/g, (whole: string, name: string) => String(values[name] ?? whole));
  return locale.language === "pseudo" ? longer(filled) : filled;
}

/** Return the text of a code such as a reason; the code itself where there is none. */
export function codeText(kind: string, code: string): string {
  const key = `${kind}.${code}`;
  return key in en ? t(key as TextKey) : code;
}

/** Why parts may not pass: the service begins with a code, whose words stand here. An unknown code keeps the service's own. */
export function objectionText(objection: string): string {
  const [code, detail] = objection.split(": ");
  const key = `objection.${code}`;
  return key in en ? t(key as TextKey, { camera: detail?.split(" ")[0] ?? "" }) : objection;
}

/** Why parts of a line may not pass, with the camera's name where it is not the same for all cameras. */
export function lineObjectionText({ cameras }: { cameras: readonly { camera: string; objection: string }[] }): string {
  const isSame = new Set(cameras.map((each) => each.objection)).size === 1;
  const texts = cameras.filter((each) => each.objection).map(({ camera, objection }) => (isSame ? "" : `${camera}: `) + objectionText(objection));
  return [...new Set(texts)].join("; ");
}

/** Each word 40 % longer, to see whether a layout holds other languages. */
function longer(text: string): string {
  return `[${text.replace(/\S+/g, (word) => word + "~".repeat(Math.ceil(word.length * 0.4)))}]`;
}

function tag(): string {
  return locale.language === "ko" ? "ko-KR" : "en-GB";
}

export function timeText(time: string, style: "time" | "full" = "full"): string {
  const parts: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
  const date: Intl.DateTimeFormatOptions = style === "full" ? { year: "numeric", month: "2-digit", day: "2-digit" } : {};
  return new Intl.DateTimeFormat(tag(), { ...date, ...parts, timeZone: locale.timeZone }).format(new Date(time));
}

/** The text of a tick on a time axis: as much of date and time as ticks of this distance need, and the date at midnight. */
export function tickText(seconds: number, distance: number): string {
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const shown: Intl.DateTimeFormatOptions = distance < 60 ? { ...clock, second: "2-digit" } : clock;
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(tag(), { ...options, timeZone: locale.timeZone }).format(new Date(seconds * 1000));
  const isDay = distance >= 86_400 || /^00:00(:00)?$/.test(format(shown));
  return format(isDay ? { month: "2-digit", day: "2-digit" } : shown);
}

export function numberText(value: number, digits = 0): string {
  return new Intl.NumberFormat(tag(), { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

export function percentText(share: number | null | undefined, digits = 1): string {
  return share == null ? "–" : `${numberText(share * 100, digits)} %`;
}

/** A share of parts with its exact interval and its counts. */
export function shareText(share: Share): string {
  if (share.value === null) return t("stats.none");
  const interval = `${percentText(share.low)} – ${percentText(share.high)}`;
  return `${percentText(share.value)} (${interval}), ${numberText(share.found)} / ${numberText(share.parts)}`;
}

export function ageText(seconds: number): string {
  if (seconds < 60) return t("age.seconds", { n: Math.floor(seconds) });
  if (seconds < 3600) return t("age.minutes", { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t("age.hours", { n: Math.floor(seconds / 3600) });
  return t("age.days", { n: Math.floor(seconds / 86_400) });
}
