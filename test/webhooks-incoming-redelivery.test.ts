import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { collect } from "./agents/rig.ts";
import { tempDir } from "./temp-dir.ts";
import { type Answer, delivery, httpVersions, startWebhooks, toTask } from "./webhooks-incoming-rig.ts";
import { githubHeaders } from "./webhooks-signed.ts";

const statusesOf = (answers: Answer[]) => answers.map(({ status }) => status).sort();

describe.each(httpVersions)("a delivery that is made again, over HTTP/%i", (httpVersion) => {
  it("is one event, and is answered 200 with what the first was answered", async () => {
    await using rig = await startWebhooks();
    const post = () =>
      rig.post("github", { httpVersion, headers: githubHeaders("push", "72d3162e"), body: "push" });
    const first = await post();
    expect([first.status, first.json.duplicate]).toEqual([202, false]);
    for (const again of [await post(), await post()]) {
      expect([again.status, again.json]).toEqual([200, { ...first.json, duplicate: true }]);
    }
    expect(await rig.events()).toEqual({ github: ["push"] });
  });

  it("is one event when many come at once", async () => {
    await using rig = await startWebhooks();
    const post = () => rig.post("open", { httpVersion, ...delivery("d", { target: toTask("t", "x") }) });
    const answers = await Promise.all(Array.from({ length: 20 }, post));
    expect(statusesOf(answers)).toEqual([...Array.from({ length: 19 }, () => 200), 202]);
    expect(new Set(answers.map(({ json }) => `${json.taskId} ${json.eventId}`)).size).toBe(1);
    expect(await rig.events()).toEqual({ t: ["x"] });
  });

  it("is one event, and one task, when the route names no task", async () => {
    await using rig = await startWebhooks();
    const post = () => rig.post("open", { httpVersion, ...delivery("d", { target: { content: "x" } }) });
    const answers = await Promise.all([post(), post(), post()]);
    expect(statusesOf(answers)).toEqual([200, 200, 202]);
    expect(await collect(rig.tasks.list())).toHaveLength(1);
  });

  it("is one event after a restart of the server", async () => {
    const store = `sqlite:${join(tempDir(), "webhooks.db")}`;
    const answers: Answer[] = [];
    for (let run = 0; run < 3; run++) {
      await using rig = await startWebhooks({}, { store });
      answers.push(await rig.post("open", { httpVersion, ...delivery("d", { target: toTask("t", "x") }) }));
      expect(await rig.events()).toEqual({ t: ["x"] });
    }
    expect(answers.map(({ status }) => status)).toEqual([202, 200, 200]);
    expect(answers.map(({ json }) => json.eventId)).toEqual(Array(3).fill(answers[0]?.json.eventId));
  });

  it("is one event even if the route finds another task or content for it now", async () => {
    await using rig = await startWebhooks();
    const first = await rig.post("open", { httpVersion, ...delivery("d", { target: toTask("t", "x") }) });
    const target = { ...toTask("other", "y"), type: "changed" };
    const again = await rig.post("open", { httpVersion, ...delivery("d", { target }) });
    expect([again.status, again.json]).toEqual([200, { ...first.json, duplicate: true }]);
    expect(await rig.events()).toEqual({ t: ["x"] });
  });

  it("is one event after its task has ended", async () => {
    await using rig = await startWebhooks({ onTaskEventSend: (ctx) => ctx.complete() });
    const post = (id: string) =>
      rig.post("open", { httpVersion, ...delivery(id, { target: toTask("t", "x") }) });
    const first = await post("d1");
    const { id } = await rig.tasks.get({ name: "t" });
    await collect(rig.tasks.subscribe(id));
    expect(await post("d1")).toMatchObject({ status: 200, json: { taskId: id, duplicate: true } });
    const next = await post("d2");
    expect(next.status).toBe(202);
    expect(next.json.taskId).not.toBe(first.json.taskId);
  });

  it("is another when it comes to another hook, or under another id", async () => {
    const verify = ({ headers }: { headers: Headers }) => ({ deliveryId: headers.get("x-delivery") ?? "" });
    const twin = { verify, route: () => toTask("t", "twin") };
    await using rig = await startWebhooks({ webhooks: { twin } });
    const request = { httpVersion, ...delivery("d", { target: toTask("t", "open") }) };
    const answers = [await rig.post("open", request), await rig.post("twin", request)];
    answers.push(await rig.post("twin", { ...request, headers: { "x-delivery": "x".repeat(4000) } }));
    answers.push(await rig.post("twin", { ...request, headers: { "x-delivery": "x".repeat(3999) } }));
    expect(statusesOf(answers)).toEqual([202, 202, 202, 202]);
    expect(await rig.events()).toEqual({ t: ["open", "twin", "twin", "twin"] });
  });

  it("is another each time where it has no id, also to a verifier that says null as headers do", async () => {
    const verify = ({ headers }: { headers: Headers }) => ({ deliveryId: headers.get("x-delivery") });
    const plain = Object.assign({ verify: () => ({}), route: () => toTask("t", "plain") }, { verify });
    await using rig = await startWebhooks({ webhooks: { plain } });
    const answers = [await rig.post("plain", { httpVersion }), await rig.post("plain", { httpVersion })];
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(await rig.events()).toEqual({ t: ["plain", "plain"] });
  });

  it("is answered 500 where its id is no text, which could not tell it from others", async () => {
    const verify = () => ({ deliveryId: Number.NaN });
    const plain = Object.assign({ verify: () => ({}), route: () => toTask("t", "plain") }, { verify });
    await using rig = await startWebhooks({ webhooks: { plain } });
    expect((await rig.post("plain", { httpVersion })).status).toBe(500);
    expect(rig.defects).toHaveLength(1);
  });

  it("is no error where the first was refused: it is taken when it can be", async () => {
    await using rig = await startWebhooks();
    const refused = await rig.post("open", { httpVersion, ...delivery("d", { throws: "VALUE_INVALID" }) });
    const taken = await rig.post("open", { httpVersion, ...delivery("d", { target: toTask("t", "x") }) });
    expect([refused.status, taken.status]).toEqual([400, 202]);
  });
});
