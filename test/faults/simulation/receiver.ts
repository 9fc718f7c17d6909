import type { TaskUpdate } from "../../../src/proto.ts";
import { MessageState } from "../../../src/proto.ts";
import type { Posting, PostResponse } from "../../../src/server/webhooks/outgoing/index.ts";
import type { TaskHistory } from "../../crash-history.ts";
import type { Random } from "../../crash-random.ts";
import type { Move } from "./world.ts";

/** The webhook of a simulation: it follows all tasks of the agent. */
export const webhookId = "hook";

/** Whoever webhooks post to: what it gets and when, and whether its answer is good, bad or lost, is a choice. */
export interface Receiver {
  post(posting: Posting): Promise<PostResponse>;
  moves(): Move[];
  /** Resolves when it has got all that there is to post of these tasks. */
  awaitAll(tasks: readonly TaskHistory[]): Promise<void>;
  /** What is wrong with what it got: out of order, or not the same under the same id. */
  check(tasks: readonly TaskHistory[]): string[];
  /** How many posts it got, how many again, and how often it has said that it is gone for good. */
  counts(): { posts: number; postedAgain: number; gone: number };
}

/** How many posts may fail in a row, of whichever tasks: the wait after a few more is as long as that of clients who wait for nothing. */
const mostFailures = 4;

export function createReceiver(random: Random, progress: () => void): Receiver {
  /** What has come, in the order in which it came first, with what it said. */
  const got = new Map<string, string>();
  const violations: string[] = [];
  /** How many have failed in a row. */
  let failed = 0;
  let posts = 0;
  let gone = 0;
  const arriving: (() => void)[] = [];
  const answering: (() => void)[] = [];
  let heard = () => {};
  return {
    post({ headers, body }) {
      const { promise, resolve, reject } = Promise.withResolvers<PostResponse>();
      arriving.push(() => {
        progress();
        if (random.chance(0.02)) {
          gone += 1;
          answering.push(() => resolve({ status: 410 }));
          return;
        }
        take(headers["webhook-id"] ?? "", body);
        const lost = Object.assign(new Error("the connection broke"), { code: "ECONNRESET" });
        const status = random.pick([200, 200, 200, 200, 200, 204, 503]);
        const isLost = random.chance(0.1);
        const fails = failed < mostFailures && (isLost || status === 503);
        failed = fails ? failed + 1 : 0;
        if (!fails) answering.push(() => resolve({ status: status === 204 ? 204 : 200 }));
        else answering.push(isLost ? () => reject(lost) : () => resolve({ status }));
      });
      return promise;
    },
    moves() {
      const next = (ways: (() => void)[]) => () => ways.splice(random.between(0, ways.length - 1), 1)[0]?.();
      return [
        ...(arriving.length > 0 ? [{ name: "post", weight: 3, make: next(arriving) }] : []),
        ...(answering.length > 0 ? [{ name: "posted", weight: 3, make: next(answering) }] : []),
      ];
    },
    async awaitAll(tasks) {
      while (tasks.some((task) => idsOf(task).some((id) => !got.has(id)))) {
        await new Promise<void>((resolve) => {
          heard = resolve;
        });
      }
    },
    check: (tasks) => [...violations, ...tasks.flatMap(checkOrder)],
    counts: () => ({ posts, postedAgain: posts - got.size, gone }),
  };

  function take(id: string, body: string): void {
    posts += 1;
    const before = got.get(id);
    if (before !== undefined && before !== body) violations.push(`G3 two posts of ${id} differ`);
    if (before === undefined) got.set(id, body);
    heard();
  }

  function checkOrder(task: TaskHistory): string[] {
    const prefix = `${webhookId}.${task.end.task.id}.`;
    const came = [...got.keys()].filter((id) => id.startsWith(prefix));
    const wanted = idsOf(task);
    if (came.join() === wanted.join()) return [];
    return [`G2 the posts of a task came as ${came}, and not as ${wanted}`];
  }
}

/** The ids of all posts of a task, in their order. */
function idsOf({ end }: TaskHistory): string[] {
  return end.log.filter(isPosted).map(({ sequence }) => `${webhookId}.${end.task.id}.${sequence}`);
}

function isPosted({ entry }: TaskUpdate): boolean {
  if (entry.case === "message") return entry.value.state === MessageState.DONE;
  return entry.case === "task" || entry.case === "event" || entry.case === "superseded";
}
