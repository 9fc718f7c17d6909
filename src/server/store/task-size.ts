import type { TaskRecord } from "./records.ts";

/** Tells about how much a task takes of what has no small bound: what a page or a buffer of tasks counts. */
export function taskSize({ params, labels, question, statusReason, error }: TaskRecord): number {
  return (
    (params?.byteLength ?? 0) +
    JSON.stringify(labels).length +
    (question?.prompt.length ?? 0) +
    (question?.schema?.length ?? 0) +
    (statusReason?.length ?? 0) +
    (error?.message.length ?? 0)
  );
}
