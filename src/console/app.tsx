import { useEffect, useRef, useState } from "react";
import { AgentsPage } from "./lists/agents-page.tsx";
import { SchedulesPage } from "./lists/schedules-page.tsx";
import { WebhooksPage } from "./lists/webhooks-page.tsx";
import { go, type Route, useRoute } from "./router.ts";
import { nextTheme } from "./settings.ts";
import { useShortcuts } from "./shortcuts.ts";
import { TaskPage } from "./task/task-page.tsx";
import { TasksPage } from "./tasks/tasks-page.tsx";
import { ErrorBoundary } from "./ui/error-boundary.tsx";
import { HelpDialog } from "./ui/help-dialog.tsx";
import { TokenDialog } from "./ui/token-dialog.tsx";
import { TopBar } from "./ui/top-bar.tsx";

/** The console: a bar that is always there, and the page of where one is. */
export function App() {
  const route = useRoute();
  const [help, setHelp] = useState(false);
  const place = route.path.join("/");
  const shown = useRef(place);
  useEffect(() => {
    // Whoever reads with the ears or goes by keys is at the new page, and not where the old one was left.
    if (shown.current !== place) document.getElementById("main")?.focus({ preventScroll: true });
    shown.current = place;
  }, [place]);
  useShortcuts({
    "?": () => setHelp(true),
    d: nextTheme,
    "g t": () => go("/tasks"),
    "g a": () => go("/agents"),
    "g s": () => go("/schedules"),
    "g w": () => go("/webhooks"),
  });
  return (
    <>
      <button type="button" className="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the content
      </button>
      <TopBar current={route.path[0] ?? "tasks"} onHelp={() => setHelp(true)} />
      <main id="main" tabIndex={-1}>
        <ErrorBoundary key={place}>
          <Page route={route} />
        </ErrorBoundary>
      </main>
      <TokenDialog />
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </>
  );
}

function Page({ route: { path, query } }: { route: Route }) {
  const [place = "tasks", id] = path;
  switch (place) {
    case "tasks":
      return id === undefined ? <TasksPage query={query} /> : <TaskPage key={id} taskId={id} />;
    case "agents":
      return <AgentsPage />;
    case "schedules":
      return <SchedulesPage />;
    case "webhooks":
      return <WebhooksPage />;
    default:
      return <p className="empty">There is nothing here.</p>;
  }
}
