import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { pageSize, queryClient } from "../api.ts";
import { ErrorNote } from "../ui/error-note.tsx";
import { useTitle } from "../ui/title.ts";

interface ListPageProps {
  title: string;
  error: unknown;
  /** What is said when there is nothing to show. */
  empty: string;
  /** Whether there are more than are shown. */
  more: boolean;
  children: readonly ReactNode[] | undefined;
}

/** A page with a list, that may be empty or not be there yet. */
export function ListPage({ title, error, empty, more, children }: ListPageProps) {
  useTitle(title);
  return (
    <div className="page">
      <div className="page-head">
        <h1>{title}</h1>
      </div>
      <ErrorNote error={error} />
      {children?.length === 0 ? <p className="empty">{empty}</p> : <ul className="cards">{children}</ul>}
      {more && <p className="soft">There are more: the first {pageSize} are shown.</p>}
    </div>
  );
}

/** Gives a function that runs a change, after which every list is read again, and what came of it. */
export function useChange() {
  const { mutate, isPending, error } = useMutation({
    mutationFn: (change: () => Promise<unknown>) => change(),
    onSettled: () => queryClient.invalidateQueries(),
  });
  return { change: mutate, isPending, error };
}
