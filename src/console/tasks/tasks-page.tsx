import { useInfiniteQuery, useQuery } from "@connectrpc/connect-query";
import { keepPreviousData } from "@tanstack/react-query";
import { useRef } from "react";
import type { Task } from "../../client/index.ts";
import { TaskService } from "../../proto.ts";
import { pollInterval } from "../api.ts";
import { setQuery } from "../router.ts";
import { useShortcuts } from "../shortcuts.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { useTitle } from "../ui/title.ts";
import { FilterBar } from "./filter-bar.tsx";
import { NewTaskDialog } from "./new-task-dialog.tsx";
import { isTaskId, requestOf } from "./task-filters.ts";
import { TaskRow } from "./task-row.tsx";

/** How many tasks are asked for at once. */
const pageSize = 50;

/** The tasks, newest first. */
export function TasksPage({ query }: { query: URLSearchParams }) {
  const searchRef = useRef<HTMLInputElement>(null);
  const listRef = useRef<HTMLUListElement>(null);
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(
    TaskService.method.listTasks,
    { ...requestOf(query), pageSize, pageToken: "" },
    {
      pageParamKey: "pageToken",
      getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
      placeholderData: keepPreviousData,
      // All pages are read again: when there are many, less often.
      refetchInterval: ({ state }) => pollInterval * Math.max((state.data?.pages.length ?? 1) / 4, 1),
    },
  );
  useTitle("Tasks");
  const byId = useTaskById(query.get("search") ?? "");
  const found = byId ?? data?.pages.flatMap(({ tasks }) => tasks);
  const creating = query.get("new") !== null;

  /** Reads on until there is something to show, or an error: where few tasks pass the filters, a page may have none. */
  async function showOlder(): Promise<void> {
    const { data, isSuccess } = await fetchNextPage();
    const page = data?.pages.at(-1);
    if (isSuccess && page?.tasks.length === 0 && page.nextPageToken !== "") await showOlder();
  }

  useShortcuts({
    n: () => setQuery({ new: "1" }),
    "/": () => searchRef.current?.focus(),
    j: () => step(listRef.current, 1),
    k: () => step(listRef.current, -1),
  });

  return (
    <div className="page">
      <div className="page-head">
        <h1>Tasks</h1>
        <button type="button" className="solid" onClick={() => setQuery({ new: "1" })}>
          New task
        </button>
      </div>
      <FilterBar query={query} searchRef={searchRef} />
      <ErrorNote error={error} />
      {found?.length === 0 && (
        <p className="empty">
          {hasNextPage ? "None of the newest tasks is like that." : "No task is like that."}
        </p>
      )}
      <ul className="task-list" ref={listRef}>
        {found?.map((task) => (
          <li key={task.id}>
            <TaskRow task={task} />
          </li>
        ))}
      </ul>
      {hasNextPage && (
        <button type="button" className="more" disabled={isFetchingNextPage} onClick={showOlder}>
          Older tasks
        </button>
      )}
      {creating && <NewTaskDialog agent={query.get("agent") ?? ""} onClose={() => setQuery({ new: "" })} />}
    </div>
  );
}

/** The task of the id that is searched for, or nothing if it is no id. A name may look like one: then it is found by that. */
function useTaskById(search: string): readonly Task[] | undefined {
  const { data } = useQuery(
    TaskService.method.getTask,
    { key: { case: "taskId", value: search } },
    { enabled: isTaskId(search), retry: false },
  );
  return isTaskId(search) && data?.task ? [data.task] : undefined;
}

/** Moves the focus to the link that is so many places further on. */
function step(list: HTMLElement | null, by: number): void {
  const links = [...(list?.querySelectorAll("a") ?? [])];
  const index = links.findIndex((link) => link.matches(":focus"));
  const next = index < 0 ? 0 : Math.min(Math.max(index + by, 0), links.length - 1);
  links[next]?.focus();
}
