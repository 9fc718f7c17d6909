import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { beforeAll, describe, expect, it } from "vitest";
import { EventState, MessageState, OnBusy, TaskState } from "../src/proto.ts";
import { checkHistory } from "./crash-check.ts";
import { isExpiry } from "./crash-check-questions.ts";
import {
  answer,
  change,
  childOf,
  closesQuestion,
  compact,
  endsStream,
  isActive,
  isAnswer,
  isChildEnd,
  isDelta,
  isEvent,
  isInterrupt,
  isMaker,
  isMention,
  isPut,
  isShown,
  isSuperseded,
  move,
  only,
  remove,
  takenBack,
  without,
} from "./crash-harm.ts";
import { answerOf, type StoreHistory, type TaskHistory } from "./crash-history.ts";
import { record } from "./crash-recording.ts";

let recorded: StoreHistory;
beforeAll(async () => {
  recorded = await record();
});

/** What is done to a history: to its completed task, its cancelled one, the whole, and the task that knows all rules. */
type Harm = (
  completed: TaskHistory,
  cancelled: TaskHistory,
  history: StoreHistory,
  ruled: TaskHistory,
) => void;

describe("the checker of histories", () => {
  it("finds nothing in what a server that lives shows", () => {
    expect(checkHistory(recorded)).toEqual([]);
    const states = recorded.tasks.map(({ end }) => TaskState[end.task.state]);
    expect(states).toEqual(["COMPLETED", "CANCELLED", "COMPLETED"]);
  });

  it.each<[string, RegExp, Harm]>([
    ["an acknowledged creation that is gone", /^G1.* is there 0 times/, (_, __, all) => all.listed.pop()],
    [
      "an acknowledged event that is gone",
      /^G1.*was acknowledged and is gone/,
      ({ end }) => end.events.pop(),
    ],
    [
      "another event under an acknowledged answer",
      /^G1.*another event than the one/,
      ({ end }) => Object.assign(only(end.events[0]), { id: "other" }),
    ],
    ["an event that nobody sent", /^G1.*nobody sent/, ({ sends }) => sends.pop()],
    [
      "a cancellation that is gone",
      /^G1.*cancellation was acknowledged, and it is COMPLETED/,
      (_, { end }) => Object.assign(end.task, { state: TaskState.COMPLETED }),
    ],
    ["a cancellation by nobody", /^G1.*nobody cancelled/, (_, { cancels }) => cancels.pop()],
    ["a time limit that is not there", /^G1.*was to have 5 ms/, ({ create }) => (create.ttl = 5)],
    [
      "a task that times out without a limit",
      /^G1.*timed out before its time/,
      (_, { end }) => Object.assign(end.task, { state: TaskState.TIMED_OUT }),
    ],
    [
      "an event that is handled after it was taken back",
      /^G1.*was taken back, and ended as PROCESSED/,
      ({ sends }) => {
        const send = only(sends.find((request) => answerOf(request) !== undefined));
        send.unsend = { requestId: "unsend", outcomes: send.outcomes };
      },
    ],
    [
      "an event that nobody has taken back",
      /^G1.*taken back by nobody/,
      (_, { end }) =>
        Object.assign(only(end.events.find(({ lastError }) => lastError)), { lastError: takenBack() }),
    ],
    [
      "a reminder that is not there",
      /^G3.*made 0 reminders/,
      ({ end }) => Object.assign(only(end.events.find(({ type }) => type === "say")), { type: "remind" }),
    ],
    [
      "an event without an end",
      /^G1.*ended as PROCESSING/,
      ({ end }) => Object.assign(only(end.events[0]), { state: EventState.PROCESSING }),
    ],
    [
      "an event before onTaskCreate",
      /^G2.*before onTaskCreate/,
      ({ end }) => move(end.log, isActive, Infinity),
    ],
    [
      "an event that overtakes another",
      /^G2.*handled before event/,
      ({ end }) => {
        const { id } = only(end.events[0]);
        for (const state of [EventState.PROCESSING, EventState.PROCESSED])
          remove(end.log, isEvent(id, state));
      },
    ],
    [
      "events at once",
      /^G2.*handled at once/,
      ({ end }) => remove(end.log, isEvent(only(end.events[0]).id, EventState.PROCESSED)),
    ],
    [
      "an event that is done without a turn",
      /^G2.*no turn ran for it/,
      ({ end }) => remove(end.log, isEvent(only(end.events[0]).id, EventState.PROCESSING)),
    ],
    [
      "an event taken by one that takes none",
      /^G2.*handled at once/,
      (_, __, ___, { end }) =>
        change(end.log, isPut("gather"), ({ entry }) => Object.assign(only(entry.value), { type: "say" })),
    ],
    [
      "an event that goes ahead of others and may not",
      /^G2.*handled before event/,
      (_, __, ___, { end }) =>
        change(end.log, isPut("gather"), ({ entry }) => Object.assign(only(entry.value), { onBusy: 0 })),
    ],
    [
      "an event that a busy task was to refuse",
      /^G2.*accepted by a task that is busy/,
      (_, __, ___, { end }) =>
        change(end.log, isPut("gather"), ({ entry }) =>
          Object.assign(only(entry.value), { onBusy: OnBusy.REJECT }),
        ),
    ],
    [
      "a question that is answered twice",
      /^G2.*was closed by 2 events/,
      (_, __, ___, { end }) => end.events.push(only(end.events.find(isAnswer))),
    ],
    [
      "an answer to no question",
      /^G2.*answers nothing/,
      (_, __, ___, { end }) => Object.assign(only(end.events.find(isAnswer)), { answers: "other" }),
    ],
    [
      "a question that is closed by nothing",
      /^G2.*was never closed/,
      (_, __, ___, { end }) => {
        without(end.events, only(end.events.find(isAnswer)));
        Object.assign(end.task, { state: TaskState.FAILED });
      },
    ],
    [
      "a question that is closed early",
      /^G2.*closed before its time/,
      (_, __, ___, { end }) =>
        Object.assign(only(end.events.find(isExpiry)), { createTime: timestampFromMs(1) }),
    ],
    [
      "an event that does not wait for an answer",
      /^G2.*is handled before an answer/,
      (_, __, ___, { end }) => remove(end.log, closesQuestion(end.log)),
    ],
    [
      "an event that is delivered early",
      /^G2.*before its time/,
      (_, __, ___, { end }) =>
        change(end.log, isPut("poison"), (update) => Object.assign(update, { time: timestampFromMs(1) })),
    ],
    [
      "an interruption by nobody",
      /^G2.*interrupted by nobody/,
      (_, __, ___, { end }) =>
        change(end.log, isInterrupt, ({ entry }) => Object.assign(only(entry.value), { onBusy: 0 })),
    ],
    [
      "an event that is taken twice",
      /^G3.*is mentioned 2 times/,
      (_, __, ___, { end }) => end.messages.push(only(end.messages.find(isMention))),
    ],
    ["a child of no turn", /^G3.*made 2 children/, (_, __, all) => all.listed.push(childOf(all))],
    ["a child that is not there", /^G3.*made 0 children/, (_, __, all) => without(all.listed, childOf(all))],
    [
      "a child of no event",
      /^G3.*is of no event/,
      (_, __, all) => Object.assign(childOf(all).labels, { delegate: "other" }),
    ],
    [
      "a child that is not cancelled with its parent",
      /^G5.*of a task that was stopped is COMPLETED/,
      (_, __, all, { end }) => {
        Object.assign(end.task, { state: TaskState.CANCELLED });
        Object.assign(childOf(all), { endTime: undefined });
      },
    ],
    [
      "an end of a child that is not told",
      /^G1.*told of the end of 0 children/,
      (_, __, ___, { end }) => without(end.events, only(end.events.find(isChildEnd))),
    ],
    [
      "an end of a child that is told twice",
      /^G3.*told of the end of 2 of 1/,
      (_, __, ___, { end }) => end.events.push(only(end.events.find(isChildEnd))),
    ],
    [
      "a report that is not there",
      /^G3.*has reported 0 times/,
      (_, __, ___, { end }) => Object.assign(only(end.events.find(isMaker)), { type: "commission" }),
    ],
    [
      "a report of no child",
      /^G1.*is a report of no child/,
      ({ end }) => Object.assign(only(end.events[0]), { type: "reported" }),
    ],
    [
      "a child that goes on although it was recalled",
      /^G5.*was recalled, and is COMPLETED/,
      (_, __, ___, { end }) => Object.assign(only(end.events.find(isMaker)), { type: "recall" }),
    ],
    ["half an answer", /^G3.*shows.*USER/, ({ end }) => only(end.messages.at(-1)).parts.pop()],
    ["two answers", /^G3.*shows/, ({ end }) => end.messages.push(only(end.messages.at(-1)))],
    ["no answer", /^G3.*shows/, ({ end }) => end.messages.pop()],
    [
      "an answer of an earlier attempt",
      /^G3.*of attempt/,
      ({ end }) => Object.assign(only(end.messages.at(-1)), { attempt: 7 }),
    ],
    [
      "a message that goes on streaming",
      /^G3.*ended as STREAMING/,
      ({ end }) => Object.assign(only(end.messages[0]), { state: MessageState.STREAMING }),
    ],
    ["a turn that counts twice", /^G3.*the state is/, ({ end }) => Object.assign(end.state, { count: 4 })],
    ["a turn that does not count", /^G3.*the state is/, ({ end }) => Object.assign(end.state, { seen: [] })],
    ["a commit too many", /^G3.*turns changed the state/, ({ end }) => Object.assign(end, { revision: 9n })],
    [
      "a delta of a turn that was over",
      /^G3.* has a delta at .* of a turn that was over/,
      ({ end }) => move(end.log, isSuperseded(end.log), Infinity),
    ],
    [
      "a message of an attempt that does not run",
      /^G3.* has a message of attempt 7 at .*, while . ran/,
      ({ end }) => change(end.log, isShown, ({ entry }) => Object.assign(only(entry.value), { attempt: 7 })),
    ],
    ["onTaskCreate twice", /^G3.*the state is/, ({ end }) => Object.assign(end.state, { created: 2 })],
    ["onTaskCancel twice", /^G3.*the state is/, (_, { end }) => Object.assign(end.state, { cancelled: 2 })],
    [
      "a farewell twice",
      /^G3.*onTaskCancel show/,
      (_, { end }) => end.messages.push(only(end.messages.at(-1))),
    ],
    ["an entry that is left out", /^G4 .*misses/, ({ logs }) => remove(only(logs[0]), isActive)],
    [
      "an entry that comes twice",
      /^G4 .*is told of 1 after 1/,
      ({ logs }) => only(logs[0]).unshift(only(logs[0]?.[0])),
    ],
    [
      "an entry after the end",
      /^G4 .*after the final entry/,
      ({ end }) => end.log.push({ ...only(end.log[0]), sequence: 999n }),
    ],
    ["a log without an end", /^G4 .*not told of the end/, ({ logs }) => logs[0]?.pop()],
    ["an entry that is gone", /^G4 .*which is gone/, ({ end }) => remove(end.log, isActive)],
    [
      "an entry that has changed",
      /^G4 .*something else at/,
      ({ logs }) => change(only(logs[0]), isActive, (update) => Object.assign(update, { time: undefined })),
    ],
    [
      "a text that has changed",
      /^G4 .*other deltas of/,
      ({ logs }) =>
        change(only(logs[0]), isDelta, ({ entry }) => {
          if (entry.case === "delta") entry.value.change = { case: "appendText", value: "other" };
        }),
    ],
    ["a delta that is left out", /^G4 .*another text of/, ({ logs }) => remove(only(logs[0]), isDelta)],
    ["a delta before its message", /^G4 .*cannot fold/, ({ logs }) => move(only(logs[0]), isDelta, 0)],
    ["another list of events", /^G4 .*other events/, ({ end }) => end.events.reverse()],
    ["another list of messages", /^G4 .*other messages/, ({ end }) => end.messages.reverse()],
    [
      "an event that changes after the cancellation",
      /^G5.*after the cancellation/,
      (_, { end }) => move(end.log, isEvent(only(end.events[1]).id, EventState.DROPPED), Infinity),
    ],
    [
      "a message of a fenced turn",
      /^G5.*fenced turn/,
      (_, { end }) =>
        move(end.log, ({ entry }) => entry.case === "message" && entry.value.eventId !== "", Infinity),
    ],
    ["a delta of a fenced turn", /^G5.*fenced turn writes/, (_, { end }) => move(end.log, isDelta, Infinity)],
    [
      "a cancellation that was never on the record",
      /^G5.*never was CANCELLING/,
      (_, { end }) =>
        remove(end.log, ({ entry }) => entry.case === "task" && entry.value.state === TaskState.CANCELLING),
    ],
    [
      "a second answer that is no duplicate",
      /^G8.*does not say that it is a duplicate/,
      ({ create, sends }) => {
        create.outcomes.push(...create.outcomes);
        sends[0]?.outcomes.push(only(sends[0].outcomes[0]));
      },
    ],
    ["a first answer that is a duplicate", /^G8.*first answer/, ({ sends }) => sends[0]?.outcomes.shift()],
    [
      "another second answer",
      /^G8.*answers to .* differ/,
      ({ sends }) => Object.assign(only(sends[0]?.outcomes[1]), { answer: answer(sends[1]?.outcomes[0]) }),
    ],
    [
      "an event that was accepted twice",
      /^G8.*accepted 2 times/,
      ({ end }) => end.events.push(only(end.events[0])),
    ],
    [
      "an event that was refused and is there",
      /^G8.*refused and is there/,
      ({ sends }) =>
        Object.assign(only(sends[0]), { outcomes: [{ kind: "refused", reason: "TASK_FINISHED" }] }),
    ],
    [
      "a refusal after an answer",
      /^G8.*refused after/,
      ({ sends }) => sends[0]?.outcomes.push({ kind: "refused", reason: "TASK_FINISHED" }),
    ],
    [
      "two tasks of one creation",
      /^G8.*made 2 tasks/,
      (_, __, { abandoned, tasks, listed }) => {
        abandoned.push(only(tasks[0]).create);
        listed.push(...listed);
      },
    ],
  ])("finds %s", (_, violation, harm) => {
    const history = structuredClone(recorded);
    harm(only(history.tasks[0]), only(history.tasks[1]), history, only(history.tasks[2]));
    expect(checkHistory(history)).toContainEqual(expect.stringMatching(violation));
  });

  describe("where deltas are compacted while clients follow", () => {
    const compacted = () => {
      const history = structuredClone(recorded);
      for (const task of history.tasks) compact(task);
      return { ...history, rules: { ...history.rules, compacts: true } };
    };

    it("finds nothing in what is left", () => {
      expect(checkHistory(compacted())).toEqual([]);
    });

    it("finds them missing where they are not", () => {
      const { rules, ...history } = compacted();
      expect(checkHistory(history)).toContainEqual(expect.stringMatching(/^G4.*misses/));
    });

    it.each<[string, RegExp, (task: TaskHistory) => void]>([
      [
        "a message that is gone with them",
        /^G4.*folds other messages/,
        ({ logs: [log] }) =>
          change(only(log), endsStream, ({ entry }) => Object.assign(only(entry.value), { parts: [] })),
      ],
      ["another entry left out", /^G4.*was not told of/, ({ logs }) => remove(only(logs[0]), isActive)],
      [
        "a text that has changed",
        /^G4.*other deltas of/,
        ({ logs }) =>
          change(only(logs[0]), isDelta, ({ entry }) => {
            if (entry.case === "delta") entry.value.change = { case: "appendText", value: "other" };
          }),
      ],
    ])("finds %s", (_, violation, harm) => {
      const history = compacted();
      harm(only(history.tasks[0]));
      expect(checkHistory(history)).toContainEqual(expect.stringMatching(violation));
    });
  });
});
