/** A page of a list. */
export interface ListPage<T> {
  items: readonly T[];
  nextPageToken: string;
}

/** Reads a list page by page, and each page only when its first item is asked for. */
export async function* readPages<T>(
  readPage: (pageToken: string) => Promise<ListPage<T>>,
): AsyncGenerator<T, void, undefined> {
  let pageToken = "";
  do {
    const page = await readPage(pageToken);
    yield* page.items;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
