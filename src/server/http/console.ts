import { readdir, readFile } from "node:fs/promises";
import { extname, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Dispatch, HttpResponse } from "./dispatch.ts";

/** The media types of what the build of the console makes. */
const mediaTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The page takes everything from its own server, nothing inline, and stands in no frame. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

const hint =
  "The web console is not built. Build it with `npm run build`, and reload this page; the API is served without it.\n";

/** Where the build puts the console: beside the compiled server, or where the sources' build does. */
const builtFolder = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../../dist/console/" : "../../console/", import.meta.url),
);

/**
 * Makes what answers with the web console: its page at `/`, and the files that this loads.
 *
 * The files are read at the first request, and kept; while they are not there, `/` says how to build them. Nothing but these files can
 * be asked for, since a path is looked up and never opened.
 */
export function createConsole(folder = builtFolder): Dispatch {
  let files: Promise<ReadonlyMap<string, HttpResponse>> | undefined;

  async function readFiles(): Promise<ReadonlyMap<string, HttpResponse>> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const found = new Map<string, HttpResponse>();
    for (const entry of entries) {
      if (!entry.isFile() || mediaTypes[extname(entry.name)] === undefined) continue;
      const file = `${entry.parentPath}${sep}${entry.name}`;
      const path = pathIn(folder, file);
      found.set(path === "/index.html" ? "/" : path, response(path, await readFile(file)));
    }
    if (!found.has("/")) files = undefined;
    return found;
  }

  return async (request) => {
    const path = new URL(request.url).pathname;
    if (request.method !== "GET" && request.method !== "HEAD") return text(path === "/" ? 405 : 404);
    files ??= readFiles();
    const found = (await files).get(path) ?? (path === "/" ? text(404, hint) : text(404));
    if (request.method === "GET") return found;
    const { body: _, ...head } = found;
    return head;
  };
}

/** Gives the path under which a file of the folder is asked for. */
function pathIn(folder: string, file: string): string {
  const inside = file.slice(folder.length).split(sep).join("/");
  return inside.startsWith("/") ? inside : `/${inside}`;
}

/** A file under `assets/` has a hash of its content in its name, so that a browser need never ask for it again. */
function response(path: string, body: Uint8Array): HttpResponse {
  const caching = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  return { status: 200, body, header: headerOf(mediaTypes[extname(path)] ?? "", body, caching) };
}

function text(status: 404 | 405, line = status === 404 ? "not found\n" : "only GET\n"): HttpResponse {
  const body = Buffer.from(line);
  const header = headerOf("text/plain; charset=utf-8", body, "no-store");
  if (status === 405) header.set("allow", "GET, HEAD");
  return { status, body, header };
}

function headerOf(mediaType: string, body: Uint8Array, caching: string): Headers {
  return new Headers({
    "content-type": mediaType,
    "content-length": String(body.length),
    "cache-control": caching,
    "content-security-policy": contentSecurityPolicy,
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
  });
}
