import { useEffect } from "react";

/** Names the page in the browser's tab for as long as a component is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Pigeonhole`;
    return () => {
      document.title = "Pigeonhole";
    };
  }, [title]);
}
