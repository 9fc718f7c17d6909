/** A `fetch` that breaks one response off. */
export interface CuttingFetch {
  fetch: typeof globalThis.fetch;
  /** How many it has broken off. */
  cuts(): number;
}

/** Breaks the first response of matching URLs off after so many pieces of its body, as a lost connection does. */
export function cutOnce(url: RegExp, pieces: number): CuttingFetch {
  let cuts = 0;
  return {
    cuts: () => cuts,
    async fetch(input, init) {
      const response = await globalThis.fetch(input, init);
      const address = input instanceof Request ? input.url : String(input);
      if (cuts > 0 || !url.test(address) || response.body === null) return response;
      cuts += 1;
      let passed = 0;
      const cutter = new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          passed += 1;
          // Half of a piece, so that a message is broken off in its middle.
          if (passed > pieces) controller.error(new TypeError("the connection is lost"));
          else controller.enqueue(passed < pieces ? piece : piece.subarray(0, Math.ceil(piece.length / 2)));
        },
        flush: (controller) => controller.error(new TypeError("the connection is lost")),
      });
      return new Response(response.body.pipeThrough(cutter), response);
    },
  };
}
