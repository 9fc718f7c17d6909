/** Whether the keys of an issuer may be at a place: an `https:` URL, an `http:` one of this machine, or the path of a file, which is all else. */
export function isKeysPlace(place: string): boolean {
  if (!isUrl(place)) return true;
  const url = URL.parse(place);
  if (url === null) return false;
  return url.protocol === "https:" || ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
}

/** Whether a place of keys is taken for a URL, and not for a path. */
export function isUrl(place: string): boolean {
  return /^https?:/.test(place);
}
