import type { UniversalServerResponse } from "@connectrpc/connect/protocol";

/**
 * Passes each chunk of a response's body through a function, and calls another after the last one.
 *
 * Pulls only when pulled, and hands on what stops the body from outside.
 */
export function mapBody(
  response: UniversalServerResponse,
  map: (chunk: Uint8Array) => Uint8Array,
  onEnd: () => void = () => {},
): UniversalServerResponse {
  const { body } = response;
  if (body === undefined) return response;
  const iterate = (): AsyncIterator<Uint8Array> => {
    const source = body[Symbol.asyncIterator]();
    const pass = (result: IteratorResult<Uint8Array>): IteratorResult<Uint8Array> => {
      if (result.done !== true) return { done: false, value: map(result.value) };
      onEnd();
      return result;
    };
    // Not a generator: this is once per message of every stream.
    return {
      next: () => source.next().then(pass),
      throw: (error) => source.throw?.(error) ?? Promise.reject(error),
      return: (value) => source.return?.(value) ?? Promise.resolve({ done: true, value }),
    };
  };
  return { ...response, body: { [Symbol.asyncIterator]: iterate } };
}

/** Reads a body to its end. */
export async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const source = body[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  for (let result = await source.next(); result.done !== true; result = await source.next())
    chunks.push(result.value);
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}
