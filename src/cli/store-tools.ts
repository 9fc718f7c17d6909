import { TaskError } from "../server/errors.ts";
import * as maintenance from "../server/store-maintenance.ts";
import { UsageError } from "./usage-error.ts";

/** What can be done to a store: loaded by the commands that do it alone. What they are asked that cannot be is the caller's mistake. */
export async function withStoreTools<T>(use: (tools: typeof maintenance) => T | Promise<T>): Promise<T> {
  try {
    return await use(maintenance);
  } catch (error) {
    if (error instanceof TaskError && error.reason === "VALUE_INVALID") throw new UsageError(error.message);
    throw error;
  }
}
