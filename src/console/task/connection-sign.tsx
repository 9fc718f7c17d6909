import type { Connection } from "./task-feed.ts";

const words = {
  connecting: "connecting",
  live: "live",
  interrupted: "reconnecting",
  ended: "complete",
  failed: "lost",
} as const;

/** Whether the page is told what happens. It reconnects by itself. */
export function ConnectionSign({ connection }: { connection: Connection }) {
  const { state } = connection;
  const why =
    state === "interrupted"
      ? connection.message
      : state === "failed"
        ? String(connection.error)
        : state === "ended"
          ? "The log is at its end."
          : undefined;
  return (
    <span className={`connection connection-${state}`} role="status" title={why}>
      {words[state]}
    </span>
  );
}
