import { overloaded } from "../limit-refusals.ts";
import type { Millis } from "../store/records.ts";

/** As many calls are always taken: a burst of so many is work, not overload. */
const floor = 256;
/** How often the bound is thought over. */
const interval: Millis = 100;
/** A wait that nobody minds, and by how much a call may take longer than one that is nearly alone. */
const target: Millis = 50;
const tolerance = 3;
/** With so few others in hand, a call shows how long it takes when nothing else goes on. */
const nearlyAlone = 8;

/** Decides how many calls are in hand at once. */
export interface Admission {
  /** Whether a call that has just arrived would be refused, before anything is spent on it. */
  isFull(): boolean;
  /** Takes a call. Throws OVERLOADED. What it returns is called once the call is over. */
  enter(): () => void;
  /** How many calls are taken at once just now. */
  readonly bound: number;
}

export interface AdmissionOptions {
  /** The most calls at once. */
  max: number;
  /** Tells the time in ms, and never goes back. */
  now: () => Millis;
}

/**
 * Bounds the calls in hand, by how long they take.
 *
 * A queue that empties again is what bursts are for; one that stands only adds to everybody's wait. So, much as CoDel does (RFC 8289), it
 * looks at the time that calls took within an interval, on average since they are of several kinds: while that is above the target, the
 * bound is lowered in proportion, by half at most, and while it is below and the bound is felt, raised by a twentieth. A burst passes soon.
 * Since a slow disk is no overload, the target is never less than three times what a call takes that is nearly alone.
 */
export function createAdmission({ max, now }: AdmissionOptions): Admission {
  const least = Math.min(floor, max);
  let bound = max;
  let inHand = 0;
  let arriving = 0;
  let alone: Millis = 0;
  let calls = 0;
  let total: Millis = 0;
  let wasFull = false;
  let until = now() + interval;

  function forgetArriving(): void {
    arriving = 0;
  }

  function isFull(): boolean {
    if (inHand + arriving >= bound) {
      wasFull = true;
      return true;
    }
    // Calls that arrive together are counted before the first of them has been parsed; one whose body is slow to come is not, for long.
    if (arriving === 0) setImmediate(forgetArriving);
    arriving += 1;
    return false;
  }

  function learn(took: Millis, others: number, time: Millis): void {
    if (others < nearlyAlone) alone = alone === 0 ? took : alone + (took - alone) / 16;
    calls += 1;
    total += took;
    if (time < until) return;
    const aim = Math.max(target, tolerance * alone);
    const average = total / calls;
    if (average > aim) bound = Math.max(least, Math.floor(bound * Math.max(0.5, aim / average)));
    else if (wasFull) bound = Math.min(max, bound + Math.ceil(bound / 20));
    calls = 0;
    total = 0;
    wasFull = false;
    until = time + interval;
  }

  return {
    isFull,
    enter() {
      if (arriving > 0) arriving -= 1;
      if (inHand >= bound) {
        wasFull = true;
        throw tooMany();
      }
      const others = inHand;
      const begin = now();
      inHand += 1;
      return () => {
        inHand -= 1;
        const time = now();
        // Those that came after it may have held it up as well.
        learn(time - begin, Math.max(others, inHand), time);
      };
    },
    get bound() {
      return bound;
    },
  };
}

/** Makes the error for a call that is refused because too many others are in hand. */
export function tooMany() {
  return overloaded("requests", "the server has as many calls in hand as it can answer in time");
}
