import type { TaskStateRevision } from "../../client/index.ts";
import { formatTime } from "../ui/format.ts";

interface RevisionPickerProps {
  /** The revisions that are kept, newest first. */
  states: readonly TaskStateRevision[];
  shown: bigint | undefined;
  /** Whether somebody chose the one that is shown; otherwise it is that of the entry. */
  picked: boolean;
  past: boolean;
  onPick(revision: bigint | undefined): void;
}

/** Chooses which revision of the state is shown: the one of the entry that the page shows, or any that is kept. */
export function RevisionPicker({ states, shown, picked, past, onPick }: RevisionPickerProps) {
  const index = states.findIndex(({ revision }) => revision === shown);
  const one = states[index];
  const step = (by: number) => {
    const to = states[index + by];
    if (to !== undefined) onPick(to.revision);
  };
  return (
    <div className="revision-picker">
      <button
        type="button"
        aria-label="The revision before"
        disabled={index < 0 || index >= states.length - 1}
        onClick={() => step(1)}
      >
        ‹
      </button>
      <select
        aria-label="Revision"
        value={picked ? String(shown) : ""}
        onChange={({ target }) => onPick(target.value === "" ? undefined : BigInt(target.value))}
      >
        <option value="">
          {past ? "As of the entry shown" : "As it is now"}
          {!picked && shown !== undefined && `: revision ${shown}`}
        </option>
        {states.map(({ revision, changedKeys }) => (
          <option key={String(revision)} value={String(revision)}>
            {`Revision ${revision}: ${changedKeys.join(", ")}`}
          </option>
        ))}
      </select>
      <button type="button" aria-label="The revision after" disabled={index <= 0} onClick={() => step(-1)}>
        ›
      </button>
      {one && (
        <p className="soft">
          Revision {String(one.revision)}, with entry #{String(one.sequence)}, {formatTime(one.commitTime)}
        </p>
      )}
    </div>
  );
}
