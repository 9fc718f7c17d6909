import { once } from "node:events";
import { connect } from "node:http2";
import type { DescMethod } from "@bufbuild/protobuf";
import type { RawResponse } from "../../http-rig.ts";
import { judge } from "./answers.ts";
import type { FuzzedServer } from "./fuzzed-server.ts";
import { exchange, http1Bytes } from "./http1-client.ts";
import { type RpcInput, rpcInput } from "./rpc-inputs.ts";
import { pathOf } from "./services.ts";

/** How often each reason was the answer. */
export type Tally = Map<string, number>;

/** How many requests go over one connection, and how many connections there are at once. */
const perConnection = 60;
const connections = 8;

/** How many wrong answers are told of. */
const mostTold = 5;

/** Sends the inputs of the seeds from `first` on, `count` of them, and judges each answer. Throws what is wrong, with the seeds. */
export async function fuzzRpcs(
  server: FuzzedServer,
  rpcs: readonly DescMethod[],
  { first, count, version, tally }: { first: number; count: number; version: 1 | 2; tally: Tally },
): Promise<void> {
  const known = await server.furnish();
  const ends = first + count;
  let next = first;
  const send = version === 1 ? sendPipelined : sendStreams;
  const wrong: string[] = [];
  const work = async () => {
    while (next < ends && wrong.length === 0) {
      const from = next;
      next = Math.min(ends, from + perConnection);
      const inputs = Array.from({ length: next - from }, (_, at) =>
        rpcInput(from + at, rpcs, known, version),
      );
      const answers = await send(server, inputs);
      inputs.forEach((input, at) => {
        // After the first that is not answered, none can be.
        if (at > answers.length) return;
        const { reason, fault } = judged(input, answers[at]);
        if (fault !== undefined) wrong.push(fault);
        addTo(tally, input, reason);
      });
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
  if (wrong.length > 0) throw new Error(wrong.slice(0, mostTold).join("\n\n"));
}

function judged(input: RpcInput, answer: RawResponse | undefined): { reason: string; fault?: string } {
  try {
    if (answer === undefined) throw new Error("there is no answer");
    return { reason: judge(input, answer) };
  } catch (error) {
    return { reason: "wrong", fault: describe(input, error, answer) };
  }
}

/** Tells which input it was, so that it can be sent again. */
function describe(
  { seed, path, headers, body }: RpcInput,
  error: unknown,
  answer: RawResponse | undefined,
): string {
  const message = error instanceof Error ? error.message : String(error);
  const bytes = Buffer.from(body).toString("base64").slice(0, 2000);
  return `${message}\nseed ${seed}: ${path} ${JSON.stringify(headers)}\n${bytes}\nanswer: ${answer?.status} ${answer?.body.toString("utf8").slice(0, 500)}`;
}

function addTo(tally: Tally, { rpc }: RpcInput, reason: string): void {
  tally.set(reason, (tally.get(reason) ?? 0) + 1);
  const passed = pathOf(rpc);
  // What never ends by itself is ended by its deadline.
  if (reason === "OK" || reason === "DEADLINE_EXCEEDED") tally.set(passed, (tally.get(passed) ?? 0) + 1);
}

/** Sends them one behind the other over one connection of HTTP/1.1, without waiting for answers. */
async function sendPipelined({ port }: FuzzedServer, inputs: readonly RpcInput[]): Promise<RawResponse[]> {
  const bytes = inputs.map(({ path, headers, body }) => http1Bytes(path, headers, body));
  const { answers } = await exchange(port, bytes, { expected: inputs.length });
  return answers;
}

/** Sends them side by side over one connection of HTTP/2. */
async function sendStreams({ url }: FuzzedServer, inputs: readonly RpcInput[]): Promise<RawResponse[]> {
  // By default a client holds less than it is to send here.
  const session = connect(url, { maxSessionMemory: 1000 });
  session.on("error", () => {});
  try {
    return await Promise.all(
      inputs.map(async ({ path, headers, body }) => {
        const stream = session.request({ ...headers, te: "trailers", ":method": "POST", ":path": path });
        const answer: RawResponse = {
          status: 0,
          headers: new Headers(),
          trailers: new Headers(),
          body: Buffer.alloc(0),
        };
        const take = (into: Headers) => (found: Record<string, unknown>) => {
          for (const [name, value] of Object.entries(found)) {
            if (!name.startsWith(":")) into.set(name, String(value));
          }
        };
        stream.on("response", take(answer.headers));
        stream.on("trailers", take(answer.trailers));
        stream.resume();
        stream.end(body);
        await once(stream, "close").catch((error: unknown) => answer.headers.set("broken", String(error)));
        return answer;
      }),
    );
  } finally {
    session.destroy();
  }
}
