/** The only way to the service: the REST API, with types that are generated from its OpenAPI document. */

import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];
export type Part = Schemas["PartSummary"];
export type PartReport = Schemas["PartReport"];
export type LineStatus = Schemas["LineStatusAnswer"];
export type LineAnswer = Schemas["LineAnswer"];
export type EventAnswer = Schemas["EventAnswer"];
export type Camera = Schemas["CameraDetails"];
export type Totals = Schemas["TotalsAnswer"];
export type Disposition = Schemas["Disposition"];
export type Reason = Schemas["Reason"];
export type Problem = Schemas["ProblemDetails"];

const REQUEST_TIMEOUT_MS = 15_000;
const LONG_REQUEST_TIMEOUT_MS = 180_000;

function fetchWithin(timeout: number): (request: Request) => Promise<Response> {
  return (request) => fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(timeout)]) });
}

/** For requests that read all votes of a line: the first one after a start of the service takes long. */
export const LONG_REQUEST = { fetch: fetchWithin(LONG_REQUEST_TIMEOUT_MS) };

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: fetchWithin(REQUEST_TIMEOUT_MS),
});

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

/** What each change must carry: only a page of this console can read it. Null until the session is read. */
export const csrf: { text: string | null } = { text: null };

/** Changes that are asked for before the session is read. */
async function readCsrf(): Promise<string> {
  const answer = await fetch("/api/v1/session", { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  return answer.ok ? ((await answer.json()) as { csrf: string }).csrf : "";
}

api.use({
  async onRequest({ request }) {
    if (!SAFE_METHODS.has(request.method)) request.headers.set("X-CSRF-Token", (csrf.text ??= await readCsrf()));
    return request;
  },
});

/** A refusal of the service, as a problem document. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Partial<Problem>,
  ) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
  }

  get type(): string {
    return this.problem.type?.split(":").pop() ?? "";
  }
}

interface Answer<T> {
  data?: T | undefined;
  error?: unknown;
  response: Response;
}

/** Return the body of an answer. Throws ApiError for a refusal, TypeError while the network is away. */
export async function body<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer;
  if (response.ok) return data as T;
  const problem = typeof error === "object" && error !== null ? (error as Partial<Problem>) : {};
  if (response.status === 401) dispatchEvent(new CustomEvent("login-required"));
  const failure = new ApiError(response.status, problem);
  if (failure.type === "foreign-page") dispatchEvent(new CustomEvent("session-changed"));
  throw failure;
}

/** Return the body of an answer, and the tag that a change of it must name. */
export async function tagged<T>(answer: Promise<Answer<T>>): Promise<[T, string | null]> {
  const found = await answer;
  return [await body(Promise.resolve(found)), found.response.headers.get("ETag")];
}

/** Return what to show of an error. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function thumbnailAddress(resultId: string, side: number): string {
  return `/api/v1/parts/${encodeURIComponent(resultId)}/thumbnail?side=${side}`;
}

export function pictureAddress(resultId: string): string {
  return `/api/v1/parts/${encodeURIComponent(resultId)}/picture`;
}

/** A golden sample's picture, as JPEG. */
export function goldenAddress(line: string, sha256: string): string {
  return `/api/v1/lines/${encodeURIComponent(line)}/golden-samples/${sha256}/picture`;
}
