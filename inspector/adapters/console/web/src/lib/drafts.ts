/** Drafts of lines: a changed declaration on top of the version that the person saw. */

import { api, body, type LineAnswer, type Schemas } from "../api/client";

export type Draft = Schemas["DraftAnswer"];

/** The line's open draft, or null. */
export async function openDraft(line: string): Promise<Draft | null> {
  const { drafts } = await body(api.GET("/api/v1/lines/{line}/drafts", { params: { path: { line } } }));
  return drafts.find((each) => each.ended_at === null) ?? null;
}

/** Save the live declaration with these changes as the line's draft; an earlier draft ends. */
export async function saveDraft(line: string, live: LineAnswer["live"], changes: object, reason: string): Promise<Draft> {
  const path = { line };
  const list = await api.GET("/api/v1/lines/{line}/drafts", { params: { path } });
  const sent = {
    params: { path, header: { "If-Match": list.response.headers.get("ETag") } },
    body: { base: live.version, reason, declaration: { ...live.pipeline, ...changes } as unknown as Record<string, never> },
  };
  return body<Draft>(api.POST("/api/v1/lines/{line}/drafts", sent));
}
