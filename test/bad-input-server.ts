import { afterAll, afterEach, beforeEach, expect } from "vitest";
import { clientsOf, newTask, sendAndWait } from "./service-follow.ts";
import { openAny } from "./service-protocols.ts";
import { startServer } from "./service-server.ts";

/**
 * Starts the server of a test file in which nothing comes of any request: after each test all tasks are as they were before, and at
 * the end the server still works and has found no defect of its own. `accept` takes what is there as what is meant to be.
 */
export async function startBadInputServer() {
  const server = await startServer();
  const { tasks } = clientsOf(openAny(server.url));
  const taskId = await newTask(tasks);
  await sendAndWait(tasks, taskId, "echo");

  const inventory = async () => (await tasks.listTasks({ pageSize: 1000 })).tasks;
  let before: Awaited<ReturnType<typeof inventory>>;
  const accept = async () => {
    before = await inventory();
  };
  beforeEach(accept);
  afterEach(async () => {
    expect(await inventory()).toEqual(before);
  });
  afterAll(async () => {
    await sendAndWait(tasks, taskId, "echo");
    await server.close();
    expect(server.defects).toEqual([]);
  });
  return { server, tasks, taskId, accept };
}
