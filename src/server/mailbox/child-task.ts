import { create } from "@bufbuild/protobuf";
import { CreateTaskRequestSchema, TaskState } from "../../proto.ts";
import type { NewChildTask } from "../agent.ts";
import type { Clock } from "../clock.ts";
import { maxTimeAhead } from "../define-agent.ts";
import { TaskError, taskFinished } from "../errors.ts";
import type { FollowUp } from "../store/calls.ts";
import type { TaskRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import { structBytes } from "../struct.ts";
import { originOf } from "../telemetry/trace-context.ts";
import { violations } from "../validation/index.ts";
import { requireJsonObject } from "./json-value.ts";
import { requireValid } from "./outgoing-event.ts";
import { wholeNumber } from "./when.ts";

/** How many parents are too many above a task, as the store has it. */
const maxParents = 16;

type CreateFollowUp = Extract<FollowUp, { kind: "create" }>;

/** Makes a child of a task from what an agent says of it, without its first event. Throws VALUE_INVALID that names what is wrong. */
export function newChild(child: NewChildTask, parentTaskId: string, clock: Clock): CreateFollowUp["task"] {
  const { agent, name = "", params, labels = {}, ttl } = child;
  if (params !== undefined) requireJsonObject(params, "task.params");
  requireTexts({ name });
  requireTexts({ ...labels });
  const request = create(CreateTaskRequestSchema, { agent, name, labels, ...(params && { params }) });
  requireValid("task", violations(CreateTaskRequestSchema, request));
  return {
    taskId: clock.id(),
    agent,
    ...(name !== "" && { name }),
    ...(params && { params: structBytes(params) }),
    labels: { ...labels },
    parentTaskId,
    ...originOf(),
    ...(ttl !== undefined && { expireTime: clock.now() + wholeNumber("task.ttl", ttl, 1, maxTimeAhead) }),
  };
}

/** Throws TASK_FINISHED if a task was cancelled, FAN_OUT_EXCEEDED if a child of it would have more parents above it than there may be. */
export async function requireParent(store: Pick<Store, "getTask">, task: TaskRecord): Promise<void> {
  if (task.state === TaskState.CANCELLING) {
    const description = "the parent was cancelled, and its children with it";
    throw taskFinished(task.id, TaskState[task.state], description, "the parent task");
  }
  let parents = 1;
  for (let id = task.parentTaskId; id !== undefined; ) {
    parents += 1;
    if (parents >= maxParents) throw tooDeep();
    id = (await store.getTask({ id }))?.parentTaskId;
  }
}

function tooDeep(): TaskError {
  return new TaskError("FAN_OUT_EXCEEDED", `fewer than ${maxParents} parents may be above a task`, {
    metadata: { max_depth: String(maxParents) },
  });
}

/** Throws VALUE_INVALID for a name or label that is no string. */
function requireTexts(texts: Record<string, unknown>): void {
  for (const [name, text] of Object.entries(texts)) {
    if (typeof text !== "string") throw new TaskError("VALUE_INVALID", `task: ${name} must be a string`);
  }
}
