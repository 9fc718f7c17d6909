/** How a stream has ended: by itself, with an error, or because its reader left. */
export interface StreamEnd {
  error?: unknown;
  left?: boolean;
}

/**
 * Passes a stream on, and tells once when it has ended. What `onEnd` throws, the reader gets in place of the end.
 *
 * Not a generator: one of those adds several promises to the way of every message, and this adds one.
 */
export function watchStream<T>(
  messages: AsyncIterable<T>,
  onEnd: (end: StreamEnd) => void,
): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => watchIterator(messages[Symbol.asyncIterator](), onEnd) };
}

function watchIterator<T>(inner: AsyncIterator<T>, onEnd: (end: StreamEnd) => void): AsyncIterator<T> {
  let over = false;
  const finish = (end: StreamEnd) => {
    if (over) return;
    over = true;
    onEnd(end);
  };
  const pass = (result: IteratorResult<T>) => {
    if (result.done === true) finish({});
    return result;
  };
  const leave = (result: IteratorResult<T>) => {
    finish({ left: true });
    return result;
  };
  const fail = (error: unknown): never => {
    finish({ error });
    throw error;
  };
  return {
    next: () => inner.next().then(pass, fail),
    return: (value) => (inner.return?.(value) ?? Promise.resolve({ done: true, value })).then(leave, fail),
    throw: (error) => (inner.throw?.(error) ?? Promise.reject(error)).then(pass, fail),
  };
}
