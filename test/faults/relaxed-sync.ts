import { DatabaseSync } from "node:sqlite";

/** Loaded before a server, it makes its commits return before they are on the disk: what a power loss takes away must be noticed. */
const { exec } = DatabaseSync.prototype;
DatabaseSync.prototype.exec = function (sql: string) {
  return exec.call(this, sql.replace("synchronous = full", "synchronous = normal"));
};
