import { DatabaseSync } from "node:sqlite";
import { TaskError } from "../../errors.ts";
import { unavailable } from "./database.ts";

/**
 * Makes this process the only one that serves a database, until it releases the lock or dies.
 *
 * The lock is SQLite's own, held on an empty database beside ours: the operating system drops it with the process, however that ends,
 * and other programs can still read ours. Throws STORE_UNAVAILABLE if another server has it.
 */
export function lockDatabase(path: string): { release(): void } {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(`${path}-lock`, { timeout: 0 });
    // A rollback journal would be a second file, and the lock database never holds anything. Node does not let one have none at all.
    db.exec("pragma journal_mode = memory; begin exclusive");
  } catch (error) {
    db?.close();
    if (error instanceof Error && /locked/.test(error.message)) {
      throw new TaskError(
        "STORE_UNAVAILABLE",
        `another server is using the database ${path}; one file serves one server`,
        { precondition: { subject: path, description: "the other server must have stopped" } },
      );
    }
    throw unavailable(`cannot lock the database ${path}`, error);
  }
  const held = db;
  return {
    release: () => held.close(),
  };
}
