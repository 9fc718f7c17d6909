import { nextTheme, theme, useSetting } from "../settings.ts";

const places = [
  ["tasks", "Tasks"],
  ["agents", "Agents"],
  ["schedules", "Schedules"],
  ["webhooks", "Webhooks"],
] as const;

const themeSigns = { system: "◐", light: "☀", dark: "☾" } as const;

/** The bar at the top of every page. */
export function TopBar({ current, onHelp }: { current: string; onHelp(): void }) {
  const chosen = useSetting(theme);
  return (
    <header className="top-bar">
      <a className="brand" href="#/tasks" aria-label="Pigeonhole">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect x="2" y="2" width="28" height="28" rx="7" fill="currentColor" />
          <path className="brand-holes" d="M8 9h7v6H8zM17 9h7v6h-7zM8 17h7v6H8zM17 17h7v6h-7z" />
        </svg>
        <span>Pigeonhole</span>
      </a>
      <nav aria-label="Main">
        {places.map(([place, name]) => (
          <a key={place} href={`#/${place}`} aria-current={place === current ? "page" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      <button
        type="button"
        className="quiet"
        aria-label={`Theme: ${chosen}`}
        title={`Theme: ${chosen} (d)`}
        onClick={nextTheme}
      >
        <span aria-hidden="true">{themeSigns[chosen]}</span>
      </button>
      <button type="button" className="quiet" aria-label="Shortcuts" title="Shortcuts (?)" onClick={onHelp}>
        ?
      </button>
    </header>
  );
}
