/** Who uses this browser, and the text that each change must carry. */

import { api, body, csrf, type Schemas } from "./api/client";

type Role = "VIEWER" | "REVIEWER" | "ENGINEER" | "ADMIN";
const RANKS: readonly Role[] = ["VIEWER", "REVIEWER", "ENGINEER", "ADMIN"];
const RETRY_MS = 3000;

/** `isLost`: the service does not know this browser any more. */
export const session = $state<{ who: Schemas["SessionAnswer"] | null; isLost: boolean }>({ who: null, isLost: false });

/** Ask the service who uses this browser. Throws like every request. */
export async function readSession(): Promise<void> {
  session.who = await body(api.GET("/api/v1/session"));
  csrf.text = session.who.csrf;
  session.isLost = false;
}

/** Ask until the service answers. */
export async function keepSession(): Promise<void> {
  try {
    await readSession();
  } catch {
    if (!session.isLost) setTimeout(() => void keepSession(), RETRY_MS);
  }
}

/** Whether the person has this role, on this line or on any. */
export function may(role: Role, line?: string): boolean {
  const roles = Object.entries(session.who?.roles ?? {});
  return roles.some(([on, held]) => (line === undefined || on === "*" || on === line) && RANKS.indexOf(held as Role) >= RANKS.indexOf(role));
}

export function loginAddress(): string {
  return `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
}

export async function logOut(): Promise<void> {
  await body(api.DELETE("/api/v1/session"));
  location.assign("/login");
}

addEventListener("login-required", () => (session.isLost = true));
addEventListener("session-changed", () => void keepSession());
