/** Places that a person marks on a picture. */

import type { PictureBox } from "../lib/Viewer.svelte";

export interface Mark {
  id: string;
  edges: [number, number, number, number];
  defect: string | null;
}

let made = 0;

/** Make a mark of a box, with an identity of its own. */
export function marked(box: { bbox_norm: readonly unknown[]; defect?: string | null }): Mark {
  made += 1;
  const edges = [...(box.bbox_norm as unknown as PictureBox["edges"])] as Mark["edges"];
  return { id: `own-${made}`, edges, defect: box.defect ?? null };
}
