import { toJson } from "@bufbuild/protobuf";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef } from "react";
import { TaskUpdateSchema } from "../../proto.ts";
import { errorRegistry } from "../registry.ts";
import { formatTime } from "../ui/format.ts";
import { JsonView } from "../ui/json-view.tsx";
import { Scrollable } from "../ui/scrollable.tsx";
import { describeEntry } from "./log-entry.ts";
import type { TaskFeed } from "./task-feed.ts";

const rowHeight = 30;

interface LogPanelProps {
  feed: TaskFeed;
  count: number;
  /** After how many entries the task is shown; absent: as it is now. */
  at: number | undefined;
  onTravel(to: number | undefined): void;
}

/** The raw log with a scrubber: whichever entry is chosen, the whole page shows the task as it was after it. */
export function LogPanel({ feed, count, at, onTravel }: LogPanelProps) {
  const scroller = useRef<HTMLDivElement>(null);
  // Whether new entries are scrolled to: not if somebody reads older ones.
  const following = useRef(true);
  const chosen = at ?? count;
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 10,
  });
  useEffect(() => {
    if (at !== undefined) virtualizer.scrollToIndex(at - 1);
  }, [virtualizer, at]);
  useEffect(() => {
    if (at === undefined && following.current && count > 0) virtualizer.scrollToIndex(count - 1);
  }, [virtualizer, at, count]);

  function onScroll(): void {
    const element = scroller.current;
    if (element === null) return;
    following.current = element.scrollHeight - element.scrollTop - element.clientHeight < 2 * rowHeight;
  }

  const entry = feed.entries[chosen - 1];
  return (
    <div className="log">
      <div className="scrubber">
        <button
          type="button"
          aria-label="One entry back"
          title="One entry back ([)"
          disabled={chosen <= 1}
          onClick={() => onTravel(chosen - 1)}
        >
          ‹
        </button>
        <input
          type="range"
          aria-label="Replay up to entry"
          aria-valuetext={`entry ${entry?.sequence ?? 0}`}
          min={1}
          max={Math.max(count, 1)}
          value={Math.max(chosen, 1)}
          onChange={(event) => onTravel(Number(event.target.value))}
        />
        <button
          type="button"
          aria-label="One entry on"
          title="One entry on (])"
          disabled={at === undefined}
          onClick={() => onTravel(chosen + 1)}
        >
          ›
        </button>
      </div>
      <Scrollable className="scroller log-rows" ref={scroller} onScroll={onScroll} label="Entries">
        <ol style={{ height: virtualizer.getTotalSize() }}>
          {virtualizer.getVirtualItems().map(({ index, start }) => {
            const update = feed.entries[index];
            if (update === undefined) return null;
            const { kind, text } = describeEntry(update);
            return (
              <li key={index} style={{ transform: `translateY(${start}px)` }}>
                <button
                  type="button"
                  data-sequence={String(update.sequence)}
                  aria-current={index + 1 === chosen}
                  onClick={() => onTravel(index + 1)}
                >
                  <span className="sequence">#{String(update.sequence)}</span>
                  <span className={`kind kind-${kind}`}>{kind}</span>
                  <span className="text">{text}</span>
                </button>
              </li>
            );
          })}
        </ol>
      </Scrollable>
      {entry && (
        <details className="raw">
          <summary>
            Entry #{String(entry.sequence)} as it is, {formatTime(entry.time)}
          </summary>
          <JsonView
            value={toJson(TaskUpdateSchema, entry, { registry: errorRegistry })}
            label="The entry in JSON"
          />
        </details>
      )}
    </div>
  );
}
