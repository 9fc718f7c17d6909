import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { formatTime } from "../ui/format.ts";

interface TimeBarProps {
  sequence: bigint;
  time: Timestamp | undefined;
  onNow(): void;
}

/** Says that the page shows the past, and leads back. */
export function TimeBar({ sequence, time, onNow }: TimeBarProps) {
  return (
    <div className="time-bar" role="status">
      <span>
        As it was after entry <b>#{String(sequence)}</b>, {formatTime(time)}
      </span>
      <button type="button" onClick={onNow}>
        Back to now
      </button>
    </div>
  );
}
