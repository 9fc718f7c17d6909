import { cloneElement, type ReactElement, useId } from "react";

interface FieldProps {
  label: string;
  hint?: string | undefined;
  children: ReactElement<{ id?: string; "aria-describedby"?: string | undefined }>;
}

/** A control with its label above, and a hint below. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const hintId = `${id}-hint`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {cloneElement(children, { id, "aria-describedby": hint && hintId })}
      {hint && (
        <p className="hint" id={hintId}>
          {hint}
        </p>
      )}
    </div>
  );
}
