import { TaskError } from "../../errors.ts";
import type { RequestKey } from "../calls.ts";
import type { Sql } from "./sql.ts";

/** Gives the scope of the ids that a creator of tasks gives its requests. It is no task's id. */
export function createScope(creator = ""): string {
  return creator === "" ? "" : `creator:${creator}`;
}

/** Finds what a request was answered (G8). Throws REQUEST_ID_REUSED if its id belongs to a request of other content. */
export function findAnswer<Answer>(
  sql: Sql,
  scope: string,
  request: RequestKey | undefined,
): Answer | undefined {
  if (request === undefined) return undefined;
  const row = sql.one<{ fingerprint: string; answer: string }>`
    select fingerprint, answer from requests where scope = ${scope} and id = ${request.id}`;
  if (row === undefined) return undefined;
  if (row.fingerprint !== request.fingerprint) {
    throw new TaskError(
      "REQUEST_ID_REUSED",
      `request_id ${JSON.stringify(request.id)} was used with other content`,
      {
        resource: { type: "request", name: request.id },
      },
    );
  }
  return JSON.parse(row.answer);
}

/**
 * Keeps what a request is answered, in the transaction that makes it so, for as long as its task is there. Its id counts within a scope: a
 * task's id, or that of who creates tasks.
 */
export function keepAnswer<Answer>(
  sql: Sql,
  { scope, taskId }: { scope: string; taskId: string },
  request: RequestKey | undefined,
  answer: Answer,
): void {
  if (request === undefined) return;
  sql.run`insert into requests (scope, id, task_id, fingerprint, answer)
    values (${scope}, ${request.id}, ${taskId}, ${request.fingerprint}, ${JSON.stringify(answer)})`;
}
