import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { EventState, EventWait, TaskState } from "../src/client/index.ts";
import { serveForCli } from "./cli-rig.ts";
import { tempDir } from "./temp-dir.ts";

let rig: Awaited<ReturnType<typeof serveForCli>>;
beforeAll(async () => {
  rig = await serveForCli();
});
afterAll(() => rig.close());

/** Makes a task, and gives its id. */
async function newTask(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await rig.run(["task", "create", "talker", ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.trim();
}

describe("task create", () => {
  it("prints the id of a task that has what was said", async () => {
    const id = await newTask(
      "hello",
      "--param",
      "who=Ada",
      "--params",
      '{"n":1}',
      "--label",
      "a=b",
      "--ttl",
      "1h30m",
    );
    const task = await rig.client.tasks.get(id);
    expect(task).toMatchObject({ agent: "talker", params: { who: "Ada", n: 1 }, labels: { a: "b" } });
    const begin = Number(task.createTime?.seconds);
    expect(Number(task.expireTime?.seconds) - begin).toBe(5400);
  });

  it("finds the unfinished task of a name, and says so", async () => {
    const id = await newTask("--name", "the only one");
    const again = await rig.run(["task", "create", "talker", "--name", "the only one"]);
    expect(again).toEqual({ code: 0, stdout: `${id}\n`, stderr: "There is a task of that name.\n" });
    const [json] = await rig.json(["task", "create", "talker", "--name", "the only one"]);
    expect(json).toMatchObject({ created: false, task: { id, name: "the only one", statusReason: "" } });
  });

  it("makes a child of the task that an id or a name is of", async () => {
    const parent = await newTask("--name", "a parent");
    for (const key of [parent, "a parent"]) {
      const child = await rig.client.tasks.get(await newTask("--parent", key));
      expect(child.parentTaskId).toBe(parent);
    }
  });

  it("follows the task to its end when asked to", async () => {
    const { code, stdout } = await rig.run(["task", "create", "talker", "done", "--follow"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f-]{36}\n[\s\S]*\* COMPLETED: all done\n$/);
  });
});

describe("task state", () => {
  it("prints what the agent has stored, at the revision that is asked for, and which there are", async () => {
    const id = await newTask("one");
    await rig.client.tasks.send(id, "two", { wait: EventWait.PROCESSED });
    expect(await rig.json(["task", "state", id])).toEqual([
      { state: { last: "two" }, revision: "2", sequence: expect.any(String) },
    ]);
    expect(JSON.parse((await rig.run(["task", "state", id, "--revision", "1"])).stdout)).toEqual({
      last: "one",
    });
    expect(await rig.json(["task", "state", id, "--revisions"])).toMatchObject([
      { revision: "2", changedKeys: ["last"] },
      { revision: "1", changedKeys: ["last"] },
    ]);
    const { stdout } = await rig.run(["task", "state", id, "--revisions"]);
    expect(stdout).toMatch(/^REVISION +ENTRY +COMMITTED +CHANGED\n2 +\d+ +\S.* last\n1 /i);
    const missing = await rig.run(["task", "state", id, "--revision", "9"]);
    expect(missing).toMatchObject({ code: 3, stderr: expect.stringContaining("revision 9 of the state") });
  });
});

describe("send", () => {
  it("sends text, data and files as parts, in that order", async () => {
    const folder = tempDir();
    writeFileSync(join(folder, "note.txt"), "dear sir");
    writeFileSync(join(folder, "order.json"), '{"tea": 2}');
    const id = await newTask();
    const options = [
      "--data",
      "[1, 2]",
      "--data",
      `@${join(folder, "order.json")}`,
      "--file",
      join(folder, "note.txt"),
    ];
    const [sent] = await rig.json([
      "send",
      id,
      "two",
      "words",
      ...options,
      "--type",
      "order",
      "--sender",
      "ada",
    ]);
    expect(sent).toMatchObject({ duplicate: false, event: { type: "order", sender: "ada", taskId: id } });
    const [event] = await rig.json(["events", id]);
    expect(event?.parts).toEqual([
      { text: "two words" },
      { data: [1, 2] },
      { data: { tea: 2 } },
      { file: { bytes: btoa("dear sir"), name: "note.txt", mediaType: "text/plain" } },
    ]);
  });

  it("sends what stdin has for -", async () => {
    const id = await newTask();
    await rig.json(["send", id, "-"], { input: "from\na pipe\n" });
    const [event] = await rig.json(["events", id]);
    expect(event?.parts).toEqual([{ text: "from\na pipe" }]);
  });

  it("has one effect for one request id", async () => {
    const id = await newTask();
    const [first] = await rig.json(["send", id, "once", "--request-id", "r1"]);
    const [second] = await rig.json(["send", id, "once", "--request-id", "r1"]);
    expect({ ...second, duplicate: false }).toEqual(first);
    expect(second).toMatchObject({ duplicate: true });
  });

  it.each([
    ["what is settled", "hello", 0, "PROCESSED"],
    ["what is dead-lettered", "die", 6, "DEAD_LETTERED"],
  ])("tells by its exit code of %s, when it waits", async (_, text, code, state) => {
    const id = await newTask();
    const result = await rig.run(["send", id, text, "--wait"]);
    expect(result).toEqual({
      code,
      stdout: expect.stringMatching(new RegExp(`^\\S+ ${state}\\n$`)),
      stderr: "",
    });
  });

  it("ends with 8 if the event is not settled in time", async () => {
    const id = await newTask();
    const { code, stdout } = await rig.run(["send", id, "hang", "--wait", "--timeout", "10ms"]);
    expect({ code, stdout }).toEqual({ code: 8, stdout: expect.stringMatching(/ (PROCESSING|QUEUED)\n$/) });
  });

  it("schedules for later, and takes back what it scheduled", async () => {
    const id = await newTask();
    await rig.run(["send", id, "later", "--deliver-in", "10m"]);
    const [event = {}] = await rig.json(["events", id, "--state", "scheduled"]);
    const { id: eventId, createTime, deliverTime } = event;
    expect(Date.parse(String(deliverTime)) - Date.parse(String(createTime))).toBeGreaterThan(540_000);
    expect((await rig.run(["events", id, "--state", "SCHEDULED"])).stdout).toContain(`${eventId}  SCHEDULED`);
    expect((await rig.run(["unsend", id, String(eventId)])).stdout).toBe(`${eventId} DROPPED\n`);
  });

  it("is refused with 5 by a busy task when told so", async () => {
    const id = await newTask("hang");
    await rig.client.tasks.send(id, "waits");
    const { code, stderr } = await rig.run(["send", id, "now", "--on-busy", "reject"]);
    expect({ code, stderr }).toEqual({ code: 5, stderr: expect.stringMatching(/^pigeonhole: .*busy/) });
  });

  it("answers a question, and shows what is wrong with an answer that does not fit", async () => {
    const id = await newTask();
    await rig.run(["send", id, "ask", "--wait"]);
    const [{ question = {} } = {}] = (await rig.json(["task", "get", id])) as {
      question?: { id?: string };
    }[];
    const answer = (data: string) =>
      rig.run(["send", id, "--data", data, "--answers", question.id ?? "", "--wait"]);
    const wrong = await answer('{"size": "huge", "count": 1, "wrapped": true}');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringMatching(/size/) });
    expect((await answer('{"size": "large", "count": 1, "wrapped": true}')).code).toBe(0);
    expect((await rig.client.tasks.get(id)).state).toBe(TaskState.COMPLETED);
  });
});

describe("what looks at tasks", () => {
  it("lists tasks by what they are, as a table and as JSON", async () => {
    const id = await newTask("--name", "listed/1", "--label", "kind=list");
    await newTask("--name", "listed/2", "--label", "kind=list", "done");
    await rig.run(["send", "listed/2", "x", "--wait"]);
    const { stdout } = await rig.run(["task", "list", "--prefix", "listed/", "--state", "active,pending"]);
    expect(stdout).toMatch(
      new RegExp(`^TASK +AGENT +STATE .*\\n${id}  talker  (ACTIVE|PENDING) .*listed/1\\n$`),
    );
    const all = await rig.json(["task", "list", "--label", "kind=list"]);
    expect(all.map(({ name }) => name)).toEqual(["listed/2", "listed/1"]);
    expect(await rig.json(["task", "list", "--label", "kind=list", "--limit", "1"])).toHaveLength(1);
  });

  it("shows a task, what it remembers, its events and its messages", async () => {
    const id = await newTask("--name", "shown", "--param", "who=Ada");
    await rig.run(["send", id, "one two", "--wait"]);
    expect((await rig.run(["task", "get", "shown"])).stdout).toMatch(
      /^task +\S+ \(shown\)\nagent +talker\nstate +ACTIVE\n/,
    );
    expect((await rig.json(["task", "state", id]))[0]).toMatchObject({
      state: { last: "one two" },
      revision: "1",
    });
    expect((await rig.run(["events", id])).stdout).toMatch(/PROCESSED +1 .* one two\n$/);
    expect((await rig.run(["messages", id])).stdout).toBe("agent: Hello, Ada.\nagent: you said: one two\n");
    expect(await rig.json(["messages", id])).toMatchObject([
      { author: "MESSAGE_AUTHOR_AGENT", parts: [{ text: "Hello, Ada." }] },
      { state: "MESSAGE_STATE_DONE", parts: [{ text: "you said: one two" }] },
    ]);
  });

  it("lists agents", async () => {
    expect((await rig.run(["agents"])).stdout).toMatch(
      /^AGENT .*\ntalker +\d+ +\d+ +Does as it is told\.\n$/,
    );
    expect(await rig.json(["agents"])).toMatchObject([{ name: "talker", retry: { maxAttempts: 2 } }]);
  });
});

describe("what stops tasks", () => {
  it("interrupts, cancels and deletes", async () => {
    const id = await newTask("hang");
    for await (const { entry } of rig.client.tasks.subscribe(id)) {
      if (entry.case === "event" && entry.value.state === EventState.PROCESSING) break;
    }
    expect((await rig.run(["task", "interrupt", id, "--reason", "enough"])).stdout).toBe(
      `${id} ACTIVE, 1 interrupted\n`,
    );
    expect(await rig.run(["task", "delete", id])).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("ACTIVE"),
    });
    const [cancelled] = await rig.json(["task", "cancel", id, "--reason", "no more"]);
    expect(cancelled).toMatchObject({ duplicate: false, task: { statusReason: "no more" } });
    await rig.run(["task", "watch", id]);
    expect((await rig.run(["task", "delete", id])).stdout).toBe(`${id} deleted\n`);
    expect((await rig.run(["task", "get", id])).code).toBe(3);
  });

  it("redrives one event, or all", async () => {
    const id = await newTask("die");
    await rig.run(["send", id, "die", "--wait"]);
    const [dead] = await rig.json(["events", id, "--state", "DEAD_LETTERED", "--limit", "1"]);
    expect((await rig.run(["redrive", id, String(dead?.id)])).stdout).toBe(`${id} ACTIVE, 1 redriven\n`);
    expect(await rig.run(["redrive", id])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--all"),
    });
    await rig.run(["send", id, "die", "--wait"]);
    expect(await rig.json(["redrive", id, "--all"])).toMatchObject([{ redrivenEvents: 3 }]);
  });
});
