import { singleKeys, useSetting } from "../settings.ts";
import { documentedShortcuts } from "../shortcuts.ts";
import { Dialog } from "./dialog.tsx";

/** What the keys do, and whether they do. */
export function HelpDialog({ onClose }: { onClose(): void }) {
  const on = useSetting(singleKeys) === "on";
  return (
    <Dialog title="Shortcuts" onClose={onClose}>
      <dl className="shortcuts">
        {documentedShortcuts.map(([keys, what]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input type="checkbox" checked={on} onChange={() => singleKeys.set(on ? "off" : "on")} />
        Single keys are shortcuts
      </label>
    </Dialog>
  );
}
