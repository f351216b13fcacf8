/** Light or dark: as the machine says, or as the person chose. */

const STORED = "inspector.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export const theme = $state({ chosen: localStorage.getItem(STORED) ?? "", shown: "light" });

function show(): void {
  theme.shown = theme.chosen || (dark.matches ? "dark" : "light");
}

dark.addEventListener("change", show);
show();

export function toggleTheme(): void {
  theme.chosen = theme.shown === "dark" ? "light" : "dark";
  localStorage.setItem(STORED, theme.chosen);
  show();
}
