/** Pictures that are fetched and decoded before they are shown. */

import { pictureAddress, thumbnailAddress } from "../api/client";

export const LARGE_SIDE_PX = 2048;
const KEPT = 12;
const kept = new Map<string, HTMLImageElement>();

/** Fetch a part's picture; where the browser can't read its format, fetch it as JPEG. */
export function prefetchPicture(resultId: string): void {
  if (kept.has(resultId)) return;
  const image = new Image();
  image.onerror = () => {
    image.onerror = null;
    image.src = thumbnailAddress(resultId, LARGE_SIDE_PX);
  };
  image.src = pictureAddress(resultId);
  image.decode().catch(() => undefined);
  kept.set(resultId, image);
  const [oldest] = kept.keys();
  if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
}
