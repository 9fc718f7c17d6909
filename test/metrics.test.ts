import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EventState } from "../src/proto.ts";
import { defineAgent, serve } from "../src/server/index.ts";
import { createPrometheusMeter } from "../src/server/telemetry/prometheus.ts";
import { originOf } from "../src/server/telemetry/trace-context.ts";
import { createGate, isEvent, type Rig, startRig } from "./agents/rig.ts";
import { connectRaw, frame, frameTypes, headersOfCall, preface } from "./http-raw.ts";
import { createManualClock } from "./manual-clock.ts";
import { scrape } from "./scrape.ts";
import { tempDir } from "./temp-dir.ts";

const rpc = (name: string) => `service="pigeonhole.v1.TaskService",method="${name}"`;
const figures = ({ metricsPort }: Rig) => scrape(metricsPort);

describe("the metrics of a server", () => {
  it("count calls by their codes, what was accepted, and turns by how they ended", async () => {
    await using rig = await startRig(
      {
        retry: { maxAttempts: 2, initialBackoff: 1, maxBackoff: 1 },
        onTaskEventSend(_, event) {
          if (event.text === "no") throw new Error("no");
        },
      },
      { metricsPort: 0 },
    );
    const taskId = await rig.create("yes");
    const { event } = await rig.tasks.send(taskId, "no");
    await rig.until(taskId, isEvent(EventState.DEAD_LETTERED));
    await rig.tasks.send("unknown", "no").catch(() => {});
    const found = await figures(rig);
    expect(event.sequence).toBeGreaterThan(0n);
    const expected = {
      [`pigeonhole_rpc_calls_total{${rpc("CreateTask")},code="OK"}`]: 1,
      [`pigeonhole_rpc_calls_total{${rpc("SendEvent")},code="OK"}`]: 1,
      [`pigeonhole_rpc_calls_total{${rpc("SendEvent")},code="NOT_FOUND"}`]: 1,
      [`pigeonhole_rpc_duration_seconds_count{${rpc("SendEvent")}}`]: 2,
      'pigeonhole_events_accepted_total{agent="rig"}': 2,
      'pigeonhole_events_dead_lettered_total{agent="rig"}': 1,
      'pigeonhole_turn_duration_seconds_count{agent="rig",outcome="committed"}': 1,
      'pigeonhole_turn_duration_seconds_count{agent="rig",outcome="retried"}': 1,
      'pigeonhole_turn_duration_seconds_count{agent="rig",outcome="exhausted"}': 1,
      'pigeonhole_turn_wait_seconds_count{agent="rig"}': 2,
      'pigeonhole_turn_retries_total{agent="rig"}': 1,
      'pigeonhole_turns_running{agent="rig"}': 0,
      'pigeonhole_events{agent="rig",state="queued"}': 0,
      'pigeonhole_events{agent="rig",state="dead_lettered"}': 1,
      pigeonhole_oldest_event_age_seconds: 0,
    };
    expect(Object.fromEntries(Object.keys(expected).map((key) => [key, found.get(key)]))).toEqual(expected);
    expect(found.get("pigeonhole_store_transaction_writes_sum")).toBeGreaterThan(5);
    expect(found.get("pigeonhole_store_commit_duration_seconds_count")).toBe(
      found.get("pigeonhole_store_transaction_writes_count"),
    );
    expect(found.get("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThan(0);
    expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  });

  it("tell how many events wait, how long the oldest has, and what runs", async () => {
    const clock = createManualClock();
    const gate = createGate();
    await using rig = await startRig({ onTaskEventSend: gate.pass }, { metricsPort: 0, clock });
    const taskId = await rig.create("running");
    await gate.reached;
    clock.advance(1000);
    await rig.tasks.send(taskId, "first");
    clock.advance(5000);
    await rig.tasks.send(taskId, "second");
    const found = await figures(rig);
    expect(found.get('pigeonhole_events{agent="rig",state="queued"}')).toBe(2);
    expect(found.get("pigeonhole_oldest_event_age_seconds")).toBe(5);
    expect(found.get('pigeonhole_turns_running{agent="rig"}')).toBe(1);
    gate.open();
  });

  it("go on from what is in the store when the server starts again", async () => {
    const options = { metricsPort: 0, store: `sqlite:${tempDir()}/figures.db` };
    {
      await using rig = await startRig({}, options);
      await rig.tasks.send(await rig.create(), "later", { deliverTime: new Date(Date.now() + 3_600_000) });
    }
    await using rig = await startRig({}, options);
    expect((await figures(rig)).get('pigeonhole_events{agent="rig",state="scheduled"}')).toBe(1);
    await rig.tasks.send(await rig.create(), "later", { deliverTime: new Date(Date.now() + 3_600_000) });
    expect((await figures(rig)).get('pigeonhole_events{agent="rig",state="scheduled"}')).toBe(2);
  });

  it("count a refusal once", async () => {
    const gate = createGate();
    await using rig = await startRig(
      { onTaskEventSend: gate.pass },
      { metricsPort: 0, limits: { maxPending: 1 } },
    );
    const taskId = await rig.create();
    const sent = await Promise.allSettled(["1", "2", "3", "4"].map((text) => rig.tasks.send(taskId, text)));
    const refused = sent.filter(({ status }) => status === "rejected").length;
    expect(refused).toBeGreaterThan(0);
    expect((await figures(rig)).get('pigeonhole_limit_refused_total{limit="mailbox"}')).toBe(refused);
    gate.open();
  });

  it("tell of subscribers", async () => {
    await using rig = await startRig({}, { metricsPort: 0 });
    const updates = rig.tasks.subscribe(await rig.create())[Symbol.asyncIterator]();
    await updates.next();
    const found = await figures(rig);
    expect(found.get(`pigeonhole_rpc_streams{${rpc("SubscribeTask")}}`)).toBe(1);
    expect(found.get("pigeonhole_log_readers")).toBe(1);
    await updates.return?.();
  });

  it("count a call whose caller is gone before it begins, and keep no stream of it open", async () => {
    await using rig = await startRig({}, { metricsPort: 0, limits: { requestTimeout: 1000 } });
    const raw = await connectRaw({ port: Number(new URL(rig.url).port) });
    const settings = frame(frameTypes.settings);
    const gone = ["GetTask", "SubscribeTask"].flatMap((name, index) => {
      const [id, path] = [2 * index + 1, `/pigeonhole.v1.TaskService/${name}`];
      return [
        frame(frameTypes.headers, 4, id, headersOfCall(path, "application/grpc+proto")),
        frame(frameTypes.reset, 0, id, Buffer.from([0, 0, 0, 8])),
      ];
    });
    // In one piece, so that the server hears of the call and of its end at once.
    raw.write(Buffer.concat([preface, settings, ...gone]));
    const ended = async () => {
      const found = [...(await figures(rig))];
      const counted = found.filter(([key]) => key.startsWith("pigeonhole_rpc_calls_total"));
      return Object.fromEntries(counted);
    };
    await expect.poll(ended, { timeout: 10_000 }).toEqual({
      [`pigeonhole_rpc_calls_total{${rpc("GetTask")},code="CANCELLED"}`]: 1,
      [`pigeonhole_rpc_calls_total{${rpc("SubscribeTask")},code="CANCELLED"}`]: 1,
    });
    const found = await figures(rig);
    expect(found.get(`pigeonhole_rpc_streams{${rpc("SubscribeTask")}}`)).toBe(0);
    expect(found.has('pigeonhole_limit_refused_total{limit="request_timeout"}')).toBe(false);
    raw.destroy();
  });

  it("are told at a port of their own, at one path, and to nobody by default", async () => {
    const agent = defineAgent({ name: "rig", onTaskEventSend: () => {} });
    const options = { agents: [agent], store: "memory:", port: 0 };
    const server = await serve({ ...options, metricsPort: 0 });
    const plain = await serve(options);
    const origin = `http://127.0.0.1:${server.metricsPort}`;
    expect((await fetch(`${origin}/`)).status).toBe(404);
    expect((await fetch(`${origin}/metrics?x`)).status).toBe(200);
    expect((await fetch(`${origin}/metrics`, { method: "POST" })).status).toBe(405);
    expect((await fetch(`${server.url}/metrics`)).headers.get("content-type")).not.toContain("version=0.0.4");
    expect(plain).not.toHaveProperty("metricsPort");
    const taken = serve({ ...options, metricsPort: server.metricsPort ?? 0 });
    await expect(taken).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(serve({ ...options, metricsPort: 65_536 })).rejects.toThrow(/metricsPort .* 65,535/);
    await server.close();
    await expect(fetch(`${origin}/metrics`)).rejects.toThrow();
    await plain.close();
  });

  it("are all in docs/observability.md, each as it is", async () => {
    const text = await createPrometheusMeter().text();
    const told = [...text.matchAll(/^# HELP (pigeonhole_\w+) (.*)\n# TYPE \S+ (\w+)$/gm)];
    expect(told.length).toBeGreaterThan(15);
    const page = readFileSync(new URL("../docs/observability.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `(pigeonhole_\w+)` +\| (\w+) +\|.*\| (.*?) +\|$/gm)];
    expect(rows.map(([, ...cells]) => cells)).toEqual(told.map(([, name, help, type]) => [name, type, help]));
  });
});

it("nothing is stored of a trace where nothing traces", () => {
  expect(originOf()).toEqual({});
});
