import type { Options, Values } from "./command.ts";

/** The options of what serves. */
export const serveOptions = {
  port: {
    type: "string",
    value: "number",
    summary: "The port to listen on, 0 for any that is free. Default 8080.",
  },
  host: { type: "string", value: "address", summary: "The address to listen on. Default 127.0.0.1." },
  store: {
    type: "string",
    value: "url",
    summary: "Where events, logs and state are kept: sqlite:PATH or memory:. Default sqlite:./pigeonhole.db.",
  },
  "cors-origin": {
    type: "string",
    multiple: true,
    value: "origin",
    summary: "An origin whose pages may call from a browser, or *.",
  },
  "max-turns": { type: "string", value: "number", summary: "The most turns that run at once. Default 1000." },
  drain: {
    type: "string",
    value: "seconds",
    summary: "How long turns may go on after SIGTERM or SIGINT. Default 10; with --watch, 1.",
  },
  "allow-private-webhooks": {
    type: "boolean",
    summary: "Post to webhooks at private and loopback addresses, and over http.",
  },
  "no-console": { type: "boolean", summary: "Serve no web console at /." },
} as const satisfies Options;

export type ServeFlags = Values<typeof serveOptions>;
