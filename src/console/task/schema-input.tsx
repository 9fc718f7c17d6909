import { Field } from "../ui/field.tsx";
import type { SchemaField } from "./schema-fields.ts";

interface SchemaInputProps {
  field: SchemaField;
  value: string;
  onChange(value: string): void;
}

/** The control for one property of an answer. A boolean is a choice too: a box that is not ticked does not tell no from nothing. */
export function SchemaInput({ field, value, onChange }: SchemaInputProps) {
  const { kind, required } = field;
  const onEdit = (event: { target: { value: string } }) => onChange(event.target.value);
  const choices =
    kind === "boolean"
      ? [
          ["true", "yes"],
          ["false", "no"],
        ]
      : field.choices.map((choice) => [
          JSON.stringify(choice),
          typeof choice === "string" ? choice : JSON.stringify(choice),
        ]);
  return (
    <Field label={`${field.label}${required ? "" : " (optional)"}`} hint={field.hint}>
      {kind === "boolean" || kind === "choice" ? (
        <select value={value} required={required} onChange={onEdit}>
          <option value="">choose …</option>
          {choices.map(([id, name]) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      ) : kind === "text" ? (
        // An empty text is an answer as well: the server says whether it is a good one.
        <input value={value} maxLength={field.maxLength} onChange={onEdit} />
      ) : (
        <input
          type="number"
          step={kind === "integer" ? 1 : "any"}
          min={field.minimum}
          max={field.maximum}
          required={required}
          value={value}
          onChange={onEdit}
        />
      )}
    </Field>
  );
}
