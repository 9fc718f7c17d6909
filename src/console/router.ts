import { useSyncExternalStore } from "react";

/** Where in the console one is: the words of the path, and what stands behind the question mark. */
export interface Route {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** Gives the current place, and follows it. It stands in the hash, so that the server needs to know one page only. */
export function useRoute(): Route {
  const hash = useSyncExternalStore(follow, () => location.hash);
  return parseHash(hash);
}

/** Goes to a place, such as `/tasks/1234`. */
export function go(path: string): void {
  location.hash = path;
}

/** Changes what stands behind the question mark, without a step in the browser's history; empty values are left out. */
export function setQuery(changes: Record<string, string>): void {
  const { path, query } = parseHash(location.hash);
  for (const [name, value] of Object.entries(changes)) {
    if (value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", `#/${path.map(encodeURIComponent).join("/")}${text && `?${text}`}`);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

function parseHash(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map(decode),
    query: new URLSearchParams(query),
  };
}

function decode(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}

function follow(onChange: () => void): () => void {
  window.addEventListener("hashchange", onChange);
  return () => window.removeEventListener("hashchange", onChange);
}
