/** Roles by line, as a form holds them and as the API does. */

import { api, body } from "../api/client";
import { codeText, t } from "../i18n/index.svelte";

export type RoleName = "VIEWER" | "REVIEWER" | "ENGINEER" | "ADMIN";
export interface RoleEntry {
  line: string;
  role: RoleName;
}

export function rolesOf(entries: readonly RoleEntry[]): Record<string, RoleName> {
  return Object.fromEntries(entries.map((each) => [each.line, each.role]));
}

export function entriesOf(roles: Record<string, RoleName>): RoleEntry[] {
  return Object.entries(roles).map(([line, role]) => ({ line, role }));
}

export function rolesText(roles: Record<string, string>): string {
  return Object.entries(roles)
    .map(([line, role]) => `${line === "*" ? t("users.every_line") : line}: ${codeText("role", role)}`)
    .join(", ");
}

export async function lineNames(): Promise<string[]> {
  return (await body(api.GET("/api/v1/lines"))).map((each) => each.status.line);
}
