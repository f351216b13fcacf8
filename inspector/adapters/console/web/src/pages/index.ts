/** All pages by their addresses. A page is loaded when it is opened first. */

import type { Component } from "svelte";
import type { TextKey } from "../i18n/index.svelte";

export interface PageProps {
  params: Record<string, string>;
}

export interface PageEntry {
  path: string;
  title: TextKey;
  load: () => Promise<{ default: Component<PageProps> | Component<Record<string, never>> }>;
  /** Without the bar at the top. */
  bare?: boolean;
  /** Shown in the bar. */
  nav?: TextKey;
}

export const PAGES: readonly PageEntry[] = [
  { path: "/", title: "nav.overview", nav: "nav.overview", load: () => import("./Overview.svelte") },
  { path: "/lines/{line}", title: "page.line", load: () => import("./Line.svelte") },
  { path: "/lines/{line}/kiosk", title: "page.kiosk", bare: true, load: () => import("./Kiosk.svelte") },
  { path: "/lines/{line}/tune", title: "page.tune", load: () => import("./Tune.svelte") },
  { path: "/lines/{line}/teach", title: "page.teach", load: () => import("./Teach.svelte") },
  { path: "/lines/{line}/golden", title: "page.golden", load: () => import("./Golden.svelte") },
  { path: "/lines/{line}/qualification", title: "page.qualification", load: () => import("./Qualification.svelte") },
  { path: "/lines/{line}/versions", title: "page.versions", load: () => import("./Versions.svelte") },
  { path: "/parts", title: "nav.parts", nav: "nav.parts", load: () => import("./Parts.svelte") },
  { path: "/parts/{id}", title: "page.part", load: () => import("./Part.svelte") },
  { path: "/review", title: "nav.review", nav: "nav.review", load: () => import("./Review.svelte") },
  { path: "/review/disputed", title: "page.disputed", load: () => import("./Review.svelte") },
  { path: "/cameras", title: "nav.cameras", nav: "nav.cameras", load: () => import("./Cameras.svelte") },
  { path: "/cameras/{line}/{camera}", title: "page.camera", load: () => import("./Camera.svelte") },
  { path: "/connect", title: "page.connect", load: () => import("./Connect.svelte") },
  { path: "/stats", title: "nav.stats", nav: "nav.stats", load: () => import("./Stats.svelte") },
  { path: "/events", title: "nav.events", nav: "nav.events", load: () => import("./Events.svelte") },
  { path: "/audit", title: "page.audit", load: () => import("./Audit.svelte") },
  { path: "/admin/users", title: "page.users", load: () => import("./Users.svelte") },
  { path: "/account", title: "page.account", load: () => import("./Account.svelte") },
  { path: "/docs", title: "nav.docs", nav: "nav.docs", load: () => import("./Docs.svelte") },
];
