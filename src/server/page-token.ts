import { hash } from "node:crypto";
import { TaskError } from "./errors.ts";

/** How many items a page of a list has when the request does not say. */
export const defaultPageSize = 100;

/** What ends a page of a list: a number of items, or about 2 MiB of them. */
export function pageBounds(pageSize: number): { limit: number; maxBytes: number } {
  return { limit: pageSize || defaultPageSize, maxBytes: 2_097_152 };
}

/** Where a list goes on: what it sorts by, of the last item that was given. */
export type Position = readonly (string | number)[];

/**
 * Makes the page tokens of one list with its filters. A token holds the position and a digest of the list's name and filters, so that a
 * token of another list, or of this one with other filters, is refused.
 */
export function createPageTokens(list: string, filters: unknown, shape: readonly ("string" | "number")[]) {
  const digest = hash("sha256", JSON.stringify([list, filters]), "base64url").slice(0, 16);
  return {
    encode: (position: Position): string =>
      Buffer.from(JSON.stringify([digest, ...position])).toString("base64url"),
    /** Decodes a token; none for the first page. Throws PAGE_TOKEN_INVALID. */
    decode(token: string): Position | undefined {
      if (token === "") return undefined;
      const [found, ...position] = parse(token);
      if (found === digest && fits(position)) return position;
      const description =
        "must be the next_page_token of a page of this list, asked for with the same filters";
      throw new TaskError("PAGE_TOKEN_INVALID", `page_token: ${description}`, {
        fields: [{ field: "page_token", description }],
      });
    },
  };

  function fits(position: unknown[]): position is (string | number)[] {
    return (
      position.length === shape.length &&
      position.every(
        (value, index) =>
          typeof value === shape[index] && (typeof value !== "number" || Number.isSafeInteger(value)),
      )
    );
  }
}

function parse(token: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
