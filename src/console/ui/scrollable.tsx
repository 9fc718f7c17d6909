import type { MouseEvent, ReactNode, Ref } from "react";

interface ScrollableProps {
  label: string;
  className?: string;
  ref?: Ref<HTMLDivElement>;
  onScroll?(): void;
  onClick?(event: MouseEvent): void;
  children: ReactNode;
}

// What scrolls must be reached by keys, which not every browser sees to by itself.
const reachable = { tabIndex: 0 };

/** A place that scrolls by itself. */
export function Scrollable({ label, children, ...rest }: ScrollableProps) {
  return (
    <section aria-label={label} {...reachable} {...rest}>
      {children}
    </section>
  );
}
