import { type Span, SpanKind } from "@opentelemetry/api";
import { Handler } from "../../proto.ts";
import type { Agent } from "../agent.ts";
import type { Clock } from "../clock.ts";
import type { StartedTurn } from "../store/calls.ts";
import { type Meter, noMeter, type TurnResult } from "../telemetry/meter.ts";
import { endSpan, messaging, startSpan, within } from "../telemetry/spans.ts";

/** A turn as an operator sees it: its span and its figures. */
export interface TurnObservation {
  readonly span: Span;
  /** Runs the handler within the turn's span. */
  run<T>(handler: () => T): T;
  /** Ends it, with the name of what it failed with, if it did. Only the first end counts. */
  end(result: TurnResult, error?: string): void;
}

export interface ObserveTurn {
  agent: Agent;
  turn: StartedTurn;
  meter?: Meter | undefined;
  clock: Clock;
}

/**
 * Begins to observe a turn. Its span is a child of what sent its first event, or made its task, whatever server took that; what sent its
 * other events is linked.
 */
export function observeTurn({ agent, turn, meter = noMeter, clock }: ObserveTurn): TurnObservation {
  const { task, attempt, events } = turn;
  const [first, ...others] = events;
  const waited = attempt === 1 && first && clock.now() - Math.max(first.createTime, first.deliverTime ?? 0);
  const stop = meter.turn({
    agent: agent.name,
    attempt,
    ...(waited !== undefined && waited !== false && { waited }),
  });
  const span = startSpan({
    name: `process ${agent.name}`,
    kind: SpanKind.CONSUMER,
    parent: first === undefined ? task.trace : first.trace,
    links: others.map(({ trace }) => trace),
  });
  if (span.isRecording()) {
    span.setAttributes({
      ...messaging("process", { agent: agent.name, taskId: task.id, eventId: first?.id }),
      ...(events.length > 1 && { "messaging.batch.message_count": events.length }),
      "pigeonhole.handler": Handler[turn.handler],
      "pigeonhole.turn": turn.turn,
      "pigeonhole.attempt": attempt,
    });
  }
  let ended = false;
  return {
    span,
    run: (handler) => within(span, handler),
    end(result, error) {
      if (ended) return;
      ended = true;
      stop(result);
      span.setAttribute("pigeonhole.turn.result", result);
      endSpan(span, error);
    },
  };
}
