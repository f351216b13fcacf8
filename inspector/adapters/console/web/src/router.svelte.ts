/** The place of the browser: path and query. Both are in the address, so that a reload comes back to the same place. */

export const place = $state({ path: location.pathname, query: location.search });

function read(): void {
  place.path = location.pathname;
  place.query = location.search;
}

addEventListener("popstate", read);

/** Go to an address of this console. `replace` keeps the browser's history as it is. */
export function navigate(address: string, options: { replace?: boolean } = {}): void {
  if (options.replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  read();
  if (!options.replace) scrollTo(0, 0);
}

/** The query of the address by name. */
export function query(): URLSearchParams {
  return new URLSearchParams(place.query);
}

/** Change parts of the query; an empty value removes its name. */
export function setQuery(changes: Record<string, string>): void {
  const changed = query();
  for (const [name, value] of Object.entries(changes)) {
    if (value) changed.set(name, value);
    else changed.delete(name);
  }
  const text = changed.toString();
  navigate(place.path + (text ? `?${text}` : ""), { replace: true });
}

/** Follow links of this console without loading the page again. */
export function followLinks(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
  if (/^\/(api|metrics|health|assets)\b/.test(link.pathname)) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
}

/** Match a path against a pattern such as /parts/{id}; null where it does not fit. */
export function matched(pattern: string, path: string): Record<string, string> | null {
  const names: string[] = [];
  const expression = pattern.replace(/\{(\w+)\}/g, (_whole: string, name: string) => {
    names.push(name);
    return "([^/]+)";
  });
  const found = new RegExp(`^${expression}/?$`).exec(path);
  try {
    return found && Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? "")]));
  } catch {
    return null; // such as /parts/%E0, which no page writes
  }
}
