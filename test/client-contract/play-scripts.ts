import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema, type TaskService } from "../../src/proto.ts";
import { heartbeat, taskEntry } from "../client-log.ts";
import type { Act, Failure, SeenCall } from "./script.ts";

/** A script that is played, and what came of it. */
export interface Played {
  /** What is still to be done, one act for each call. */
  acts: Act[];
  seen: SeenCall[];
  /** What breaks the connections of the calls that are under way. */
  connections: Set<() => void>;
  cut(): void;
  called: PromiseWithResolvers<void>;
  left: PromiseWithResolvers<void>;
}

/** Answers SendEvent and SubscribeTask as the script says that the request's header `x-script` names. */
export function playScripts(
  scripts: ReadonlyMap<string, Played>,
): Pick<ServiceImpl<typeof TaskService>, "sendEvent" | "subscribeTask"> {
  /** Notes a call, and gives the act for it. */
  function begin({ requestHeader }: HandlerContext, call: Omit<SeenCall, "time">): [Played, Act] {
    const played = scripts.get(requestHeader.get("x-script") ?? "");
    if (played === undefined) throw new Error("there is no such script");
    played.seen.push({ ...call, time: performance.now() });
    played.called.resolve();
    return [played, played.acts.shift() ?? {}];
  }

  return {
    async sendEvent({ requestId }, context) {
      const [played, { end }] = begin(context, { requestId });
      await endAs(end, played, context.signal);
      return { event: { id: "e", sequence: 2n } };
    },

    async *subscribeTask({ afterSequence }, context) {
      const after = Number(afterSequence);
      const [played, { show = [], upTo = 0, end }] = begin(context, { afterSequence: after });
      const rest = Array.from({ length: Math.max(upTo - after, 0) }, (_, index) => after + index + 1);
      for (const one of [...show, ...rest]) yield { update: one === "beat" ? heartbeat(0) : taskEntry(one) };
      await endAs(end, played, context.signal);
    },
  };
}

/** Ends a call: resolves if it is to be answered. */
async function endAs(end: Act["end"], { cut, left }: Played, signal: AbortSignal): Promise<void> {
  if (end === undefined) return;
  if (end === "cut") return cut();
  if (end !== "hang") throw errorOf(end);
  await new Promise<void>((resolve) => {
    const leave = () => {
      left.resolve();
      resolve();
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}

function errorOf({ code, reason, retryAfter, field }: Failure): ConnectError {
  const error = new ConnectError(reason.toLowerCase(), code);
  if (reason !== "") {
    const metadata: Record<string, string> = field === undefined ? {} : { limit: "3" };
    error.details.push({
      desc: ErrorInfoSchema,
      value: create(ErrorInfoSchema, { domain: "pigeonhole", reason, metadata }),
    });
  }
  if (retryAfter !== undefined) {
    error.details.push({
      desc: RetryInfoSchema,
      value: create(RetryInfoSchema, { retryDelay: durationFromMs(retryAfter) }),
    });
  }
  if (field !== undefined) {
    const fieldViolations = [{ field, description: "is longer than 3" }];
    error.details.push({ desc: BadRequestSchema, value: create(BadRequestSchema, { fieldViolations }) });
  }
  return error;
}
