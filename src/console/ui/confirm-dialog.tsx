import { useState } from "react";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";

interface ConfirmDialogProps {
  title: string;
  text: string;
  /** What the button says that does it. */
  action: string;
  /** Whether to ask for a reason. */
  asksReason?: boolean;
  onConfirm(reason: string): void;
  onClose(): void;
}

/** Asks whether to do what cannot be undone. */
export function ConfirmDialog({
  title,
  text,
  action,
  asksReason = false,
  onConfirm,
  onClose,
}: ConfirmDialogProps) {
  const [reason, setReason] = useState("");
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onConfirm(reason);
          onClose();
        }}
      >
        <p>{text}</p>
        {asksReason && (
          <Field label="Reason (optional)">
            <input value={reason} maxLength={1024} onChange={(event) => setReason(event.target.value)} />
          </Field>
        )}
        <footer className="actions end">
          <button type="button" onClick={onClose}>
            Go back
          </button>
          <button type="submit" className="danger solid">
            {action}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
