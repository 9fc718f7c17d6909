import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { changesBetween } from "./state-change.ts";

interface StateDifferenceProps {
  before: JsonObject;
  after: JsonObject;
}

/** What changed from one state to another: each key with what it was and what it is. The signs say it; the colours only help. */
export function StateDifference({ before, after }: StateDifferenceProps) {
  const changes = changesBetween(before, after);
  if (changes.length === 0) return <p className="soft">Nothing is different.</p>;
  return (
    <dl className="difference">
      {changes.map(({ key, before, after }) => (
        <div key={key}>
          <dt>{key}</dt>
          {before !== undefined && <Value sign="−" name="removed" value={before} />}
          {after !== undefined && <Value sign="+" name="added" value={after} />}
        </div>
      ))}
    </dl>
  );
}

function Value({ sign, name, value }: { sign: string; name: "removed" | "added"; value: JsonValue }) {
  return (
    <dd className={name}>
      <span role="img" aria-label={name === "added" ? "is" : "was"}>
        {sign}
      </span>
      <pre>{JSON.stringify(value, null, 2)}</pre>
    </dd>
  );
}
