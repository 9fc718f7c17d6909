import { equals, toJson } from "@bufbuild/protobuf";
import { isFinalState } from "../src/final-state.ts";
import {
  EventSchema,
  type Message,
  MessageSchema,
  MessageState,
  TaskSchema,
  type TaskUpdate,
  TaskUpdateSchema,
} from "../src/proto.ts";
import type { Report } from "./crash-check.ts";
import { type Folded, foldLog } from "./crash-fold.ts";
import type { Rules, TaskHistory } from "./crash-history.ts";

/** Checks that all who followed a log were told the same, all of it, and nothing else (G4). */
export function checkLogs({ logs, end }: TaskHistory, { compacts = false }: Rules, report: Report): void {
  checkSequences("a fresh subscriber", end.log, compacts, report);
  checkFold("a fresh subscriber", end.log, end, report);
  const all = textsOf(end.log);
  if (compacts) addWholeTexts(all, end.messages);
  for (const [index, log] of logs.entries()) {
    const name = `subscriber ${index}`;
    checkSequences(name, log, compacts, report);
    checkFold(name, log, end, report);
    checkEntries(name, log, end.log, compacts, report);
    checkDeltas(name, textsOf(log), all, compacts, report);
  }
}

/**
 * Sequences strictly increase from 1, leave nothing out but what was merged, or compacted while a message was streaming, and end with the
 * final entry.
 */
function checkSequences(name: string, log: TaskUpdate[], compacts: boolean, report: Report): void {
  let last = 0n;
  let ended = false;
  const streaming = new Set<string>();
  for (const { sequence, entry } of log) {
    if (ended) report("G4", `${name} is told of ${sequence} after the final entry`);
    if (sequence <= last) report("G4", `${name} is told of ${sequence} after ${last}`);
    const merged = entry.case === "delta" && entry.value.change.case === "appendText";
    if (sequence > last + 1n && !merged && !(compacts && streaming.size > 0))
      report("G4", `${name} misses what is between ${last} and ${sequence}`);
    if (entry.case === "message" && entry.value.state === MessageState.STREAMING)
      streaming.add(entry.value.id);
    else if (entry.case === "message") streaming.delete(entry.value.id);
    if (entry.case === "superseded") for (const id of entry.value.messageIds) streaming.delete(id);
    last = sequence;
    ended = entry.case === "task" && isFinalState(entry.value.state);
  }
  if (!ended) report("G4", `${name} is not told of the end`);
}

/** What a log comes to is what the lists say. */
function checkFold(name: string, log: TaskUpdate[], end: TaskHistory["end"], report: Report): void {
  let folded: Folded;
  try {
    folded = foldLog(log);
  } catch (error) {
    report("G4", `${name} cannot fold: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const { task, events, messages } = folded;
  if (task === undefined || !equals(TaskSchema, task, end.task)) report("G4", `${name} folds another task`);
  const eventsDiffer =
    events.length !== end.events.length ||
    end.events.some((event, index) => !events[index] || !equals(EventSchema, event, events[index]));
  if (eventsDiffer) report("G4", `${name} folds other events than ListEvents has`);
  const messagesDiffer =
    messages.length !== end.messages.length ||
    end.messages.some(
      (message, index) => !messages[index] || !equals(MessageSchema, message, messages[index]),
    );
  if (messagesDiffer) {
    report(
      "G4",
      `${name} folds other messages than ListMessages has: ${shown(messages)}, ${shown(end.messages)}`,
    );
  }
}

/**
 * An entry that was shown once stays as it is, but that one which ended a message has its parts once its deltas were compacted, and everybody
 * is told of it. Of deltas, which may be merged, see checkDeltas.
 */
function checkEntries(
  name: string,
  log: TaskUpdate[],
  all: TaskUpdate[],
  compacts: boolean,
  report: Report,
): void {
  const known = new Map(all.map((update) => [update.sequence, update]));
  const told = new Set(log.map(({ sequence }) => sequence));
  for (const update of log) {
    if (update.entry.case === "delta") continue;
    const now = known.get(update.sequence);
    if (now === undefined) report("G4", `${name} was told of ${update.sequence}, which is gone`);
    else if (!equals(TaskUpdateSchema, update, compacts ? likeParts(now, update) : now)) {
      report("G4", `${name} was told something else at ${update.sequence}`);
    }
  }
  for (const { sequence, entry } of all) {
    if (entry.case !== "delta" && !told.has(sequence)) report("G4", `${name} was not told of ${sequence}`);
  }
}

/** Leaves out the parts of the entry that ended a message, or has them, as another reading of it does. */
function likeParts(update: TaskUpdate, other: TaskUpdate): TaskUpdate {
  if (update.entry.case !== "message" || other.entry.case !== "message") return update;
  const [now, then] = [update.entry.value.parts, other.entry.value.parts];
  if (now.length > 0 === then.length > 0) return update;
  return { ...update, entry: { case: "message", value: { ...update.entry.value, parts: then } } };
}

/**
 * What a part said at a sequence begins with all that it said before, whoever was told, in whatever steps. Of deltas that were compacted, some
 * may not have been told; what became of a message, checkFold sees.
 */
function checkDeltas(name: string, seen: Texts, all: Texts, compacts: boolean, report: Report): void {
  for (const [part, steps] of seen) {
    const reference = all.get(part) ?? [];
    for (const { sequence, text } of steps) {
      const before = reference.findLast((step) => step.sequence <= sequence)?.text ?? "";
      // Of a message that is void nothing is left once it was compacted.
      const after =
        reference.find((step) => step.sequence >= sequence)?.text ?? (compacts ? text : undefined);
      if (after === undefined || !text.startsWith(before) || !after.startsWith(text)) {
        report("G4", `${name} was told other deltas of ${part} up to ${sequence}`);
      }
    }
    if (!compacts && steps.at(-1)?.text !== reference.at(-1)?.text)
      report("G4", `${name} was told another text of ${part}`);
  }
}

/** A sequence after all others. */
const latest = 2n ** 63n;

/** What each part of each message said after each of its deltas. */
type Texts = Map<string, { sequence: bigint; text: string }[]>;

function textsOf(log: TaskUpdate[]): Texts {
  const texts: Texts = new Map();
  for (const { sequence, entry } of log) {
    if (entry.case !== "delta") continue;
    const { messageId, partIndex, change } = entry.value;
    const key = `${messageId}[${partIndex}]`;
    const steps = texts.get(key) ?? [];
    const added =
      change.case === "appendText"
        ? change.value
        : change.case === "part" && change.value.content.case === "text"
          ? change.value.content.value
          : "";
    texts.set(key, [...steps, { sequence, text: (steps.at(-1)?.text ?? "") + added }]);
  }
  return texts;
}

/** Adds what each part says in the end, after all that was told of it. */
function addWholeTexts(texts: Texts, messages: Message[]): void {
  for (const { id, parts } of messages) {
    for (const [index, { content }] of parts.entries()) {
      if (content.case !== "text" && content.case !== "reasoning") continue;
      const key = `${id}[${index}]`;
      texts.set(key, [...(texts.get(key) ?? []), { sequence: latest, text: content.value }]);
    }
  }
}

function shown(messages: Message[]): string {
  return JSON.stringify(messages.map((message) => toJson(MessageSchema, message)));
}
