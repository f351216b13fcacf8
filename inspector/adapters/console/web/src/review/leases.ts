/** Parts that one person has on the screen: nobody else is given them meanwhile. */

import { api, body, type Schemas } from "../api/client";
import { namedParts } from "./named";

export type Given = Schemas["GivenPartModel"];
const LEASE_MINUTES = 10;

/** Take parts of a list, the person's own ones first, and renew their leases. */
export async function leased(wanted: Pick<Schemas["LeaseBody"], "line" | "list" | "blind" | "parts">): Promise<readonly Given[]> {
  const asked = { ...wanted, minutes: LEASE_MINUTES, result_ids: namedParts(wanted.line, wanted.list ?? "queue") };
  return (await body(api.POST("/api/v1/review-leases", { body: asked }))).parts;
}

/** Let others have a part. Where this fails, its lease ends by itself. */
export async function release(resultId: string): Promise<void> {
  await body(api.DELETE("/api/v1/review-leases/{result_id}", { params: { path: { result_id: resultId } } })).catch(() => undefined);
}
