import type { Writable } from "node:stream";
import { styleText } from "node:util";

/** Styles that text can have. */
export type Style = Parameters<typeof styleText>[0];

/** Styles text, and makes it harmless. */
export type Paint = (style: Style, text: string) => string;

/** Makes what styles text for a stream: with colour on a terminal, without elsewhere, unless NO_COLOR or FORCE_COLOR say other. */
export function createPaint(stream: Writable): Paint {
  return (style, text) => styleText(style, clean(text), { stream });
}

/**
 * Takes from text what a terminal obeys instead of showing it: agents and senders must not move the cursor, set a title or write the
 * clipboard of whoever watches. Keeps line breaks and tabs.
 */
export function clean(text: string): string {
  return text.replaceAll("\r", "").replaceAll(/[^\P{Cc}\n\t]/gu, "\ufffd");
}
