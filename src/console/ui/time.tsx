import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { useSyncExternalStore } from "react";
import { formatFull, formatRelative } from "./format.ts";

/** How exact a relative time is, in ms. */
const step = 5_000;

/** A time as its distance from now; in full on hovering over it. */
export function Ago({ time }: { time: Timestamp | undefined }) {
  const now = useSyncExternalStore(follow, () => Math.floor(Date.now() / step) * step + step);
  if (time === undefined) return null;
  return (
    <time dateTime={timestampDate(time).toISOString()} title={formatFull(time)}>
      {formatRelative(time, now)}
    </time>
  );
}

function follow(onChange: () => void): () => void {
  const timer = setInterval(onChange, step);
  return () => clearInterval(timer);
}
