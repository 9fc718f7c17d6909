import * as fc from "fast-check";

const often = <T>(usual: T, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other });

/** What is done, and how often: mostly what brings a task on, sometimes what ends it. */
const weights = {
  ...{ send: 15, start: 12, show: 6, take: 5, commit: 9, fail: 6, defer: 3, ask: 2, end: 1 },
  ...{ wait: 5, fire: 4, kill: 2, back: 1 },
  ...{ create: 2, redrive: 3, interrupt: 1, unsend: 2, cancel: 1, delete: 1 },
};
export type What = keyof typeof weights;

const whats = Object.entries(weights).map(([what, weight]) => ({
  weight,
  arbitrary: fc.constant(what as What),
}));

/** Something that may happen. What its numbers choose depends on how things stand by then. */
const step = fc.record({
  what: fc.oneof(...whats),
  /** 0 is the oldest task that is not finished, 1 the newest, other numbers count among all. */
  task: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: 5 }) },
  ),
  /** Which of the turns that run; a turn is started if none does. */
  pick: fc.nat(2),
  /** How far from that turn. */
  turn: often(0, fc.constantFrom(-1, 1)),
  /** Ids are few, so that requests are repeated, with the same content and with another. */
  request: fc.option(fc.record({ id: fc.nat(3), content: often(0, fc.constant(1)) }), {
    nil: undefined,
    freq: 2,
  }),
  /** Which variants of it. */
  choice: fc.nat(31),
  other: fc.nat(31),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What happens to a store: mostly one thing after the other, sometimes two at once. */
export const steps = fc.array(
  fc.oneof({ weight: 6, arbitrary: fc.tuple(step) }, { weight: 1, arbitrary: fc.tuple(step, step) }),
  { minLength: 1, maxLength: 80, size: "max" },
);

/** What a run begins with: a task of an agent, and a line of tasks under it that is as deep as may be, now and then. */
export const beginnings = fc.record({ agent: fc.nat(2), depth: often(1, fc.constantFrom(2, 15)) });
export type Beginning = typeof beginnings extends fc.Arbitrary<infer T> ? T : never;
