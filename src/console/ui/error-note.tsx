import { isReason, PigeonholeError } from "../../client/index.ts";

/** What went wrong, in words; nothing if nothing did. One field that is wrong is named by the words themselves, several are listed. */
export function ErrorNote({ error }: { error: unknown }) {
  if (error === null || error === undefined) return null;
  return (
    <div className="note note-bad" role="alert">
      <p>{messageOf(error)}</p>
      {isReason(error, "FIELD_INVALID", "ANSWER_INVALID") && error.fields.length > 1 && (
        <ul>
          {error.fields.map(({ field, description }) => (
            <li key={field + description}>
              <code>{field || "answer"}</code> {description}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function messageOf(error: unknown): string {
  if (error instanceof PigeonholeError) return `${error.message} (${error.reason})`;
  return error instanceof Error ? error.message : String(error);
}
