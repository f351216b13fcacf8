import { svelte } from "@sveltejs/vite-plugin-svelte";
import license from "rollup-plugin-license";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    svelte(),
    license({ thirdParty: { output: { file: "dist/assets/licences.txt" }, includePrivate: false } }),
  ],
  // nothing is inlined as data: URLs: the Content-Security-Policy allows this origin only
  build: { target: "es2022", assetsInlineLimit: 0, cssCodeSplit: false, modulePreload: { polyfill: false } },
  server: { proxy: { "/api": "http://127.0.0.1:8080", "/health": "http://127.0.0.1:8080" } },
});
