import { once } from "node:events";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { createLogOutput } from "../src/server/log-output.ts";
import { logText } from "../src/server/log-text.ts";
import { createLogger } from "../src/server/logger.ts";

const stalled = () => new PassThrough({ highWaterMark: 1 });

function linesOf(fields: Record<string, unknown>): Record<string, unknown>[] {
  const lines: string[] = [];
  createLogger({ write: (line) => lines.push(line) }).error("what happened", fields);
  return lines.map((line) => JSON.parse(line));
}

it("writes one JSON object a line, errors with their stacks and causes", () => {
  const error = new TypeError("outer", { cause: new Error("inner") });
  expect(linesOf({ error, count: 10n })).toEqual([
    {
      time: expect.any(String),
      level: "error",
      message: "what happened",
      count: "10",
      error: {
        name: "TypeError",
        message: "outer",
        stack: error.stack,
        cause: { name: "Error", message: "inner", stack: expect.any(String) },
      },
    },
  ]);
});

it("writes what it can of what is no JSON", () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  const own = new Error("its own cause");
  own.cause = own;
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
    },
  );
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const unreadable = Object.defineProperty(new Error(), "message", {
    get: () => {
      throw new Error("no");
    },
  });
  for (const value of [circular, own, hostile, revoked, unreadable]) {
    expect(linesOf({ value })).toMatchObject([{ level: "error", message: "what happened" }]);
  }
});

it("keeps the line's own fields, whatever names the others have", () => {
  expect(linesOf({ message: "other", level: "fatal", time: 5 })).toEqual([
    {
      time: expect.any(String),
      level: "error",
      message: "what happened",
      ...{ message_: "other", level_: "fatal", time_: 5 },
    },
  ]);
});

it("writes what is of its level, and of those above", () => {
  const lines: string[] = [];
  for (const level of ["debug", "warn", "silent"] as const) {
    const log = createLogger({ level, write: (line) => lines.push(`${level}: ${JSON.parse(line).message}`) });
    log.debug?.("a detail");
    log.info("a fact");
    log.warn("a doubt");
    log.error("a fault");
  }
  const below = ["debug: a detail", "debug: a fact", "debug: a doubt", "debug: a fault"];
  expect(lines).toEqual([...below, "warn: a doubt", "warn: a fault"]);
});

it("tells nothing that hangs on an error besides its stack and its causes", () => {
  const error = Object.assign(new Error("outer", { cause: new Error("inner") }), { parts: ["xyzzy"] });
  expect(JSON.stringify(linesOf({ error }))).not.toContain("xyzzy");
});

it("writes text for people, with stacks on lines of their own", () => {
  const lines: string[] = [];
  const log = createLogger({ format: "text", write: (line) => lines.push(line) });
  log.warn("look at this", { taskId: "t-1", words: "two words", error: new TypeError("no") });
  expect(lines[0]).toMatch(
    /^\d{4}-\S+Z WARN {2}look at this taskId=t-1 words="two words" error={"name":"TypeError","message":"no"}\nTypeError: no\n +at /,
  );
});

it("drops what a reader who has stalled has no room for, and says how much", async () => {
  const stream = stalled();
  const write = createLogOutput(stream, logText);
  const line = `${"x".repeat(9_999)}\n`;
  for (let n = 0; n < 200; n++) write(line);
  expect(stream.writableLength + stream.readableLength).toBeLessThan(1_100_000);
  const read: string[] = [];
  stream.setEncoding("utf8").on("data", (chunk: string) => read.push(chunk));
  await once(stream, "drain");
  write("the next\n");
  stream.end();
  await once(stream, "end");
  const lines = read.join("").split("\n");
  const kept = lines.filter((found) => found.startsWith("xx")).length;
  const lost = `lost=${200 - kept}`;
  expect(lines.at(kept)).toMatch(new RegExp(`^\\d{4}-\\S+Z WARN  lines of the log were dropped ${lost}$`));
  expect(lines.at(kept + 1)).toBe("the next");
});

it("goes on when its reader has gone", async () => {
  const stream = stalled();
  const write = createLogOutput(stream);
  stream.destroy(new Error("EPIPE"));
  await new Promise((resolve) => stream.once("close", resolve));
  expect(() => write("a line\n")).not.toThrow();
});

it.each([
  ["level", "loud", "debug, info, warn, error, silent"],
  ["format", "", "json, text"],
])("has no %s %j", (name, value, known) => {
  expect(() => createLogger({ [name]: value })).toThrow(
    `the log's ${name} must be one of ${known}, not ${JSON.stringify(value)}`,
  );
});
