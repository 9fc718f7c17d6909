/** A page of a list. */
export interface ListPage<T> {
  items: readonly T[];
  nextPageToken: string;
}

/** Reads a list page by page, and each page only when its first item is asked for. Throws the signal's reason once it is aborted. */
export async function* readPages<T>(
  signal: AbortSignal | undefined,
  readPage: (pageToken: string) => Promise<ListPage<T>>,
): AsyncGenerator<T, void, undefined> {
  let pageToken = "";
  do {
    const page = await readPage(pageToken);
    for (const item of page.items) {
      signal?.throwIfAborted();
      yield item;
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
