// Sends events to a server from a process of its own, so many at once, and prints what became of them as JSON.
// Usage: node overload-load.ts <url> <task id> <in flight> <seconds>. Of the first second, in which a server learns how much comes, it tells nothing.
import { type ClientHttp2Session, connect } from "node:http2";

/** What became of the calls of one run. Times are in ms. */
export interface LoadResult {
  accepted: number;
  /** The latency of those that were accepted. */
  p50: number;
  p99: number;
  /** How many were refused as they should be, by reason. */
  refused: Record<string, number>;
  /** What came otherwise: a few of these. */
  malformed: string[];
}

const connections = 16;

interface Answer {
  status: number;
  text: string;
}

async function run(url: string, taskId: string, inFlight: number, seconds: number): Promise<LoadResult> {
  const sessions = Array.from({ length: connections }, () => connect(url));
  const body = JSON.stringify({ taskId, parts: [{ text: "x".repeat(100) }] });
  const latencies: number[] = [];
  const refused: Record<string, number> = {};
  const malformed: string[] = [];
  const begun = performance.now() + 1000;
  const end = begun + seconds * 1000;
  const caller = async (session: ClientHttp2Session) => {
    while (performance.now() < end) {
      const begin = performance.now();
      const answer = await call(session, body);
      if (begin < begun) continue;
      if (answer.status === 200) latencies.push(performance.now() - begin);
      else count(answer);
    }
  };
  function count(answer: Answer): void {
    const reason = refusalReason(answer);
    if (reason === undefined) malformed.push(`${answer.status} ${answer.text.slice(0, 200)}`);
    else refused[reason] = (refused[reason] ?? 0) + 1;
  }
  const callers = Array.from({ length: inFlight }, (_, index) => sessions[index % connections]);
  await Promise.all(callers.map((session) => session && caller(session)));
  for (const session of sessions) session.close();
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.floor((latencies.length - 1) * part)] ?? 0;
  return {
    accepted: latencies.length,
    p50: at(0.5),
    p99: at(0.99),
    refused,
    malformed: malformed.slice(0, 5),
  };
}

function call(session: ClientHttp2Session, body: string): Promise<Answer> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":path": "/pigeonhole.v1.TaskService/SendEvent",
      "content-type": "application/json",
    });
    let status = 0;
    let text = "";
    stream.once("response", (headers) => {
      status = Number(headers[":status"]);
    });
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("error", (error) => {
      text += error.message;
    });
    stream.once("close", () => resolve({ status, text }));
    stream.end(body);
  });
}

/** Gives the reason of a refusal that says all it must: code, one ErrorInfo, RetryInfo. */
function refusalReason({ status, text }: Answer): string | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const { code, details }: { code: string; details: { type: string; debug?: { reason?: string } }[] } =
    JSON.parse(text);
  const infos = details.filter(({ type }) => type === "google.rpc.ErrorInfo");
  const retries = details.filter(({ type }) => type === "google.rpc.RetryInfo");
  if (!["resource_exhausted", "unavailable"].includes(code)) return undefined;
  return infos.length === 1 && retries.length === 1 ? infos[0]?.debug?.reason : undefined;
}

const [url = "", taskId = "", inFlight = "", seconds = ""] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await run(url, taskId, Number(inFlight), Number(seconds))));
