import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { NewEvent } from "../calls.ts";
import { nameOf, TaskState } from "../states.ts";
import type { TaskRow } from "./rows.ts";

/** Makes the event that tells a parent how a child has ended. Its id follows from the child's, because it is sent once. */
export function taskEnded(child: TaskRow): NewEvent {
  const { id: taskId, agent, status_reason: statusReason, name } = child;
  const data = {
    taskId,
    agent,
    state: nameOf(TaskState, child.state),
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

/**
 * Encodes an EventInput with one part of data, field by field, which is one message in another: the schemas would cost each thread of the
 * store more time to begin with than all of its own code.
 */
function encode(type: string, data: Record<string, string>): Uint8Array {
  const writer = new BinaryWriter();
  // EventInput.parts, Part.data, Value.struct_value
  const messages = [1, 2, 5];
  for (const field of messages) writer.tag(field, WireType.LengthDelimited).fork();
  for (const [key, value] of Object.entries(data)) {
    // Struct.fields, of which each is a key and a Value with its string_value.
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).fork();
    writer.tag(3, WireType.LengthDelimited).string(value).join();
    writer.join();
  }
  for (const _ of messages) writer.join();
  writer.tag(2, WireType.LengthDelimited).string(type);
  writer.tag(3, WireType.LengthDelimited).string("pigeonhole");
  return writer.finish();
}
