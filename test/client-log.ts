import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { TaskState, type TaskUpdate, TaskUpdateSchema } from "../src/proto.ts";

/** Makes an entry of a log. */
export function entry(
  sequence: number,
  content: NonNullable<MessageInitShape<typeof TaskUpdateSchema>["entry"]>,
): TaskUpdate {
  return create(TaskUpdateSchema, { sequence: BigInt(sequence), entry: content });
}

/** Makes an entry that tells of the task. */
export function taskEntry(sequence: number, state = TaskState.ACTIVE): TaskUpdate {
  return entry(sequence, { case: "task", value: { id: "t", state, sequence: BigInt(sequence) } });
}

/** Makes a log of so many entries. */
export function logOf(length: number): TaskUpdate[] {
  return Array.from({ length }, (_, i) => taskEntry(i + 1));
}

/** Makes a heartbeat. */
export function heartbeat(sequence: number): TaskUpdate {
  return entry(sequence, { case: "heartbeat", value: {} });
}

/** Reads to the end. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

/** Reads the sequences of a subscription to its end. */
export async function sequencesOf(updates: AsyncIterable<TaskUpdate>): Promise<number[]> {
  return (await collect(updates)).map(({ sequence }) => Number(sequence));
}
