import { expect, it } from "vitest";
import { dueAt, listen } from "./listen.ts";
import { at, newEvent, type Scene } from "./scene.ts";

export function describeWaking(scene: () => Scene): void {
  it.each([
    {
      name: "a question is answered",
      async prepare({ create, finish, id }) {
        await create();
        await finish({ kind: "ask", question: { id: id("q"), prompt: "?", createTime: at(0) } });
      },
      step: ({ send, id }, now) => send("answer", { answers: id("q"), now }),
    },
    {
      name: "a question closes unanswered",
      async prepare({ create, finish, id }) {
        await create();
        const question = { id: id("q"), prompt: "?", createTime: at(0), expireTime: at(30) };
        await finish({ kind: "ask", question });
      },
      step: ({ fire }, now) => fire(now),
    },
    {
      name: "a child ends",
      async prepare({ activate, create, id }) {
        await activate();
        await create({ taskId: id("child"), parentTaskId: id("task") });
      },
      step: ({ finish, id }, now) => finish({ kind: "complete" }, { taskId: id("child"), now }),
    },
    {
      name: "as many events wait as a turn had deferred for",
      async prepare({ activate, send, finish }) {
        await activate();
        await send("e");
        await finish({ kind: "defer", untilEvents: 2 });
      },
      step: ({ send }, now) => send("e2", { now }),
    },
    {
      name: "an event goes ahead of what had been deferred",
      async prepare({ activate, send, finish }) {
        await activate();
        await send("e");
        await finish({ kind: "defer", untilTime: at(1e6) });
      },
      step: ({ send }, now) => send("s", { onBusy: "steer", now }),
    },
    {
      name: "a batch is complete",
      async prepare({ rules, activate, send }) {
        await rules({ batch: { max: 2, wait: 1e6 } });
        await activate();
        await send("e1");
      },
      step: ({ send }, now) => send("e2", { now }),
    },
    {
      name: "a turn is interrupted before which others wait",
      async prepare({ activate, send, turn }) {
        await activate();
        await send("e1");
        await send("e2");
        await turn();
      },
      step: ({ interrupt }, now) => interrupt({ now }),
    },
    {
      name: "an event is given up before which others wait",
      async prepare({ activate, send }) {
        await activate();
        await send("e1");
        await send("e2");
      },
      step: async ({ turn, fail }, now) => fail((await turn()).turn, { now }),
    },
    {
      name: "it times out",
      prepare: ({ activate }) => activate({ expireTime: at(30) }),
      step: ({ fire }, now) => fire(now),
    },
    {
      name: "a follow-up sends to it",
      async prepare({ activate, create, id }) {
        await activate();
        await create({ taskId: id("other") });
      },
      step: ({ finish, id }, now) => {
        const followUps = [{ kind: "send" as const, taskId: id("task"), event: newEvent(id("e")) }];
        return finish({ kind: "continue" }, { taskId: id("other"), followUps, now });
      },
    },
  ] as {
    name: string;
    prepare(one: Scene): Promise<void>;
    step(one: Scene, now: number): Promise<unknown>;
  }[])("tells that a task is due when $name", async ({ prepare, step }) => {
    const one = scene();
    const { due, id } = one;
    await prepare(one);
    const { until, stop } = listen(one);
    await step(one, at(30));
    const time = await until(dueAt(id("task")));
    expect(time).toBeLessThanOrEqual(at(30));
    expect(await due(at(30))).toEqual([id("task")]);
    stop();
  });
}
