import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Load } from "./rate.ts";
import { numberIn, runTool } from "./run-tool.ts";

/** Unary Connect calls over HTTP/1.1, in JSON, for wrk to make. */
export interface Wrk {
  url: string;
  /** As in `/pigeonhole.v1.TaskService/SendEvent`. */
  path: string;
  /** The requests in JSON, sent in turns. */
  requests: readonly string[];
  connections: number;
  seconds: number;
  /** Where the script may be written. */
  directory: string;
}

/** Calls over HTTP/1.1 as fast as the server answers. Rejects if a call fails. */
export async function wrk(load: Wrk): Promise<Load> {
  const script = join(load.directory, "requests.lua");
  await writeFile(script, lua(load));
  const shape = ["-t", "1", "-c", String(load.connections), "-d", `${load.seconds}s`];
  const output = await runTool("wrk", [...shape, "-s", script, load.url]);
  if (output.includes("Non-2xx")) throw new Error(`calls of ${load.path} failed: ${output}`);
  const perSecond = numberIn(output, /Requests\/sec:\s+([\d.]+)/);
  return { perSecond, count: perSecond * load.seconds };
}

/** Long brackets keep Lua from reading anything into the JSON. */
function lua(load: Wrk): string {
  return `
    local bodies = { ${load.requests.map((request) => `[==[${request}]==]`).join(", ")} }
    local headers = { ["content-type"] = "application/json", ["connect-protocol-version"] = "1" }
    local turn = 0
    function request()
      turn = turn % #bodies + 1
      return wrk.format("POST", "${load.path}", headers, bodies[turn])
    end
  `;
}
