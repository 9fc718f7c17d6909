import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { EventInputSchema, TaskState } from "../../../proto.ts";
import type { NewEvent } from "../calls.ts";
import type { TaskRow } from "./rows.ts";

/** Makes the event that tells a parent how a child has ended. Its id follows from the child's, because it is sent once. */
export function taskEnded(child: TaskRow): NewEvent {
  const { id: taskId, agent, status_reason: statusReason, name } = child;
  const data = {
    taskId,
    agent,
    state: TaskState[child.state],
    name: name ?? "",
    statusReason: statusReason ?? "",
  };
  const content = encode("pigeonhole.task.ended", data);
  return { id: `${taskId}.ended`, content, ...(child.trace !== null && { trace: child.trace }) };
}

/** Makes the event that comes in place of an answer. It goes ahead, as the answer would have. */
export function questionExpired(questionId: string): NewEvent {
  const content = encode("pigeonhole.question.expired", { questionId });
  return { id: `${questionId}.expired`, content, answers: questionId };
}

function encode(type: string, data: Record<string, string>): Uint8Array {
  const value = fromJson(ValueSchema, data);
  const parts = [{ content: { case: "data" as const, value } }];
  return toBinary(EventInputSchema, create(EventInputSchema, { type, sender: "pigeonhole", parts }));
}
