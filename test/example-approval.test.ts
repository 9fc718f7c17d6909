import { describe, expect, it } from "vitest";
import expenses from "../examples/approval.ts";
import { EventState, EventWait, TaskState } from "../src/proto.ts";
import { isTask, startRig } from "./agents/rig.ts";

describe("the approval example", () => {
  it("asks a person about a large expense, and does what the answer says", async () => {
    await using rig = await startRig({}, { agents: [expenses] });
    const ask = async () => {
      const event = { data: { what: "a trip", amount: 900 } };
      const { task } = await rig.tasks.create({ agent: "expenses", event });
      await rig.until(task.id, isTask(TaskState.INPUT_REQUIRED));
      const { question } = await rig.tasks.get(task.id);
      expect(question?.prompt).toBe("May I pay 900 for a trip?");
      return { taskId: task.id, answers: question?.id ?? "" };
    };
    const yes = await ask();
    const wrong = rig.tasks.send(yes.taskId, { data: { approved: "yes" } }, { answers: yes.answers });
    await expect(wrong).rejects.toMatchObject({ reason: "ANSWER_INVALID" });
    await rig.tasks.send(yes.taskId, { data: { approved: true } }, { answers: yes.answers });
    await rig.end(yes.taskId);
    expect(await rig.texts(yes.taskId)).toEqual([
      "a trip costs 900. I ask for approval.",
      "Paid 900 for a trip.",
    ]);
    const no = await ask();
    await rig.tasks.send(no.taskId, { data: { approved: false, note: "Too far." } }, { answers: no.answers });
    await rig.end(no.taskId);
    expect((await rig.texts(no.taskId)).at(-1)).toBe("a trip is not paid. Too far.");
  });

  it("pays a small one at once", async () => {
    await using rig = await startRig({}, { agents: [expenses] });
    const event = { data: { what: "a tea", amount: 3 } };
    const { task } = await rig.tasks.create({ agent: "expenses", event });
    await rig.end(task.id);
    expect(await rig.texts(task.id)).toEqual(["Paid 3 for a tea."]);
  });

  it("pays nothing that it does not understand", async () => {
    await using rig = await startRig({}, { agents: [expenses] });
    const { task } = await rig.tasks.create({ agent: "expenses" });
    const mistakes = [
      "a trip for 900",
      { data: { what: "a trip", amount: "much" } },
      { data: { what: "a trip", amount: -5 } },
      { data: { what: "a long trip".repeat(2000), amount: 900 } },
    ];
    for (const mistake of mistakes) {
      const { event } = await rig.tasks.send(task.id, mistake, { wait: EventWait.PROCESSED });
      expect(event).toMatchObject({ state: EventState.PROCESSED, attempt: 1 });
    }
    expect(await rig.texts(task.id)).toEqual(
      mistakes.map(() => 'Send it as data: { "what": "a trip", "amount": 900 }.'),
    );
  });
});
