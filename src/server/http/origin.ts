/**
 * Whether a text is an origin as browsers write it. Another would allow nobody: one with a path, a slash at its end, or the port that its
 * scheme has by itself.
 */
export function isOrigin(text: string): boolean {
  if (!/^https?:/.test(text)) return /^[a-z][a-z0-9+.-]*:\/\/[^/?#A-Z]+$/.test(text);
  return URL.canParse(text) && new URL(text).origin === text;
}
