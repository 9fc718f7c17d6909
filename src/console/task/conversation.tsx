import { useVirtualizer } from "@tanstack/react-virtual";
import { type MouseEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { TaskView } from "../../client/index.ts";
import { useShortcuts } from "../shortcuts.ts";
import { Scrollable } from "../ui/scrollable.tsx";
import { type HeardEvents, withEvents } from "./heard-events.ts";
import { MessageView } from "./message-view.tsx";
import { ToldEvent } from "./told-event.tsx";
import { pairTools } from "./tool-results.ts";
import { TurnSign } from "./turn-sign.tsx";

/** How near the bottom one is taken to be at it, in pixels. */
const bottomMargin = 16;

interface ConversationProps {
  view: TaskView;
  /** The events that turns have taken, also after what the view shows. */
  heard: HeardEvents;
  past: boolean;
}

/**
 * The conversation, of which only what is in view is in the page. Whoever is at its end stays there while it grows; whoever has scrolled
 * up stays where they are.
 */
export function Conversation({ view, heard, past }: ConversationProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const grown = useRef(0);
  const [away, setAway] = useState(false);
  const { messages, results } = useMemo(() => pairTools(view.messages), [view.messages]);
  const said = useMemo(() => withEvents(messages, heard, view.sequence), [messages, heard, view.sequence]);
  const virtualizer = useVirtualizer({
    count: said.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 88,
    getItemKey: (index) => said[index]?.message?.id ?? said[index]?.event?.id ?? index,
    overscan: 8,
  });
  const height = virtualizer.getTotalSize();

  const toBottom = useCallback(() => {
    following.current = true;
    setAway(false);
    const element = scroller.current;
    if (element !== null) element.scrollTop = element.scrollHeight;
  }, []);

  useLayoutEffect(() => {
    if (following.current && grown.current !== height) toBottom();
    grown.current = height;
  }, [height, toBottom]);

  // Where the question's form or a larger field takes room from it, the end stays in view as well.
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => {
      if (following.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useShortcuts({ b: toBottom });

  /** Whoever unfolds something wants to read it, and not what it pushes away. */
  function onUnfold(event: MouseEvent): void {
    if (event.target instanceof Element && event.target.closest("summary")) following.current = false;
  }

  function onScroll(): void {
    const element = scroller.current;
    if (element === null) return;
    const distance = element.scrollHeight - element.scrollTop - element.clientHeight;
    following.current = distance <= bottomMargin;
    setAway(!following.current);
  }

  return (
    <>
      <div className="conversation" id="conversation">
        <Scrollable
          className="scroller"
          ref={scroller}
          onScroll={onScroll}
          onClick={onUnfold}
          label="Messages"
        >
          {said.length === 0 && <p className="empty">Nothing has been said yet.</p>}
          <div className="messages" style={{ height }}>
            {virtualizer.getVirtualItems().map(({ index, key, start }) => {
              const one = said[index];
              return (
                one && (
                  <div
                    key={key}
                    ref={virtualizer.measureElement}
                    data-index={index}
                    className="message-place"
                    style={{ transform: `translateY(${start}px)` }}
                  >
                    {one.message ? (
                      <MessageView message={one.message} results={results} />
                    ) : (
                      <ToldEvent event={one.event} />
                    )}
                  </div>
                )
              );
            })}
          </div>
        </Scrollable>
        {away && (
          <button type="button" className="to-bottom" onClick={toBottom}>
            ↓ To the end
          </button>
        )}
      </div>
      {!past && <TurnSign events={view.events} />}
    </>
  );
}
