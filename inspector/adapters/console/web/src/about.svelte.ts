/** Facts of this installation that pages show: the broker's address, the plant's time zone. */

import { api, body, type Schemas } from "./api/client";
import { locale } from "./i18n/index.svelte";

export const about = $state<{ facts: Schemas["AboutAnswer"] | null }>({ facts: null });

export async function loadAbout(): Promise<void> {
  try {
    about.facts = await body(api.GET("/api/v1/about"));
    locale.timeZone = about.facts.time_zone;
  } catch {
    setTimeout(() => void loadAbout(), 3000);
  }
}
