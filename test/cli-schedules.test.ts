import { afterAll, beforeAll, expect, it } from "vitest";
import { serveForCli } from "./cli-rig.ts";

let rig: Awaited<ReturnType<typeof serveForCli>>;
beforeAll(async () => {
  rig = await serveForCli();
});
afterAll(() => rig.close());

it("schedules are made, listed, shown, paused, resumed, triggered and deleted", async () => {
  const options = [
    "--time-zone",
    "Europe/Berlin",
    "--overlap",
    "skip",
    "--missed",
    "all",
    "--task-name",
    "nights",
  ];
  const create = ["schedule", "create", "nightly", "talker", "0 3 * * *", "good", "night", ...options];
  expect(await rig.json(create)).toMatchObject([
    {
      name: "nightly",
      spec: { cron: "0 3 * * *", timeZone: "Europe/Berlin", missed: "MISSED_ALL", overlap: "OVERLAP_SKIP" },
      action: { taskName: "nights", event: { parts: [{ text: "good night" }] } },
    },
  ]);
  expect((await rig.run(create)).code).toBe(5);
  expect((await rig.run(["schedule", "list"])).stdout).toMatch(
    /^SCHEDULE .*\nnightly +talker +0 3 \* \* \* Europe\/Berlin +\d{4}-\S+ +0 +-\n$/,
  );
  const paused = await rig.run(["schedule", "pause", "nightly", "--reason", "tired"]);
  expect(paused.stdout).toMatch(/^next +paused: tired$/m);
  expect(await rig.json(["schedule", "resume", "nightly"])).toMatchObject([{ paused: false }]);
  const { stdout } = await rig.run(["schedule", "trigger", "nightly"]);
  expect(await rig.client.tasks.get({ name: "nights" })).toMatchObject({ id: stdout.trim() });
  expect((await rig.run(["schedule", "get", "nightly"])).stdout).toMatch(/^fired +1, 0 skipped$/m);
  expect((await rig.run(["schedule", "delete", "nightly"])).stdout).toBe("nightly deleted\n");
  expect((await rig.run(["schedule", "get", "nightly"])).code).toBe(3);
});

it("webhooks are made, listed, shown, paused, resumed and deleted", async () => {
  const url = "http://127.0.0.1:9/nobody";
  const create = ["webhook", "create", url, "--agent", "talker", "--kind", "message,superseded"];
  const [made] = await rig.json(create);
  expect(made).toMatchObject({
    secret: expect.stringMatching(/^whsec_/),
    webhook: { url, agent: "talker", kinds: ["WEBHOOK_KIND_MESSAGE", "WEBHOOK_KIND_SUPERSEDED"] },
  });
  const [{ id } = {}] = await rig.json(["webhook", "list"]);
  expect((await rig.run(["webhook", "list"])).stdout).toContain(`${id}  ACTIVE  agent talker`);
  expect((await rig.run(["webhook", "get", String(id)])).stdout).toMatch(/^kinds +MESSAGE SUPERSEDED$/m);
  expect(await rig.json(["webhook", "pause", String(id)])).toMatchObject([{ state: "WEBHOOK_STATE_PAUSED" }]);
  expect(await rig.json(["webhook", "resume", String(id)])).toMatchObject([
    { state: "WEBHOOK_STATE_ACTIVE" },
  ]);
  expect((await rig.run(["webhook", "delete", String(id)])).stdout).toBe(`${id} deleted\n`);
  expect((await rig.run(["webhook", "get", String(id)])).code).toBe(3);
  expect((await rig.run(["webhook", "create", url])).stderr).toMatch(/give --task or --agent/);
});
