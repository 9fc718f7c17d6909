import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createClient } from "../src/client/index.ts";
import { collect } from "./agents/rig.ts";
import { runCli, urlOf } from "./crash-process.ts";
import { githubHeaders } from "./webhooks-signed.ts";

const example = fileURLToPath(new URL("../examples/github-webhook.ts", import.meta.url));
const secret = "a secret of the example's";

function startExample(environment: string | undefined) {
  vi.stubEnv("GITHUB_WEBHOOK_SECRET", environment);
  onTestFinished(() => void vi.unstubAllEnvs());
  return runCli(["serve", example, "--port", "0", "--store", "memory:"]);
}

describe("the example of a webhook of GitHub's", () => {
  it("has a task for each pull request, from its opening to its end", { timeout: 60_000 }, async () => {
    await using server = startExample(secret);
    const url = await urlOf(server);
    const post = async (event: string, delivery: string, payload: object, signedBy = secret) => {
      const body = JSON.stringify(payload);
      const headers = {
        ...githubHeaders(body, delivery, signedBy),
        "content-type": "application/json",
        "x-github-event": event,
      };
      const response = await fetch(`${url}/webhooks/pull-requests/github`, { method: "POST", headers, body });
      await response.arrayBuffer();
      return response.status;
    };

    expect(await post("ping", "1", { zen: "Keep it logically awesome.", hook_id: 1 })).toBe(204);
    expect(await post("pull_request", "2", pullRequest("opened"), "another secret")).toBe(401);
    expect(await post("pull_request", "2", pullRequest("opened"))).toBe(202);
    expect(await post("pull_request", "3", pullRequest("synchronize"))).toBe(202);
    expect(await post("pull_request", "3", pullRequest("synchronize"))).toBe(200);
    expect(await post("pull_request", "4", pullRequest("opened", 8))).toBe(202);
    expect(await post("pull_request", "5", pullRequest("closed"))).toBe(202);

    const { tasks } = createClient({ baseUrl: url });
    const { id } = await tasks.get({ name: "octo/hello#7" });
    await collect(tasks.subscribe(id));
    const messages = await collect(tasks.messages(id));
    expect(messages.map(({ parts }) => parts[0]?.content.value)).toEqual([
      "Pull request 7: Add a greeting",
      "ada: opened",
      "ada: pushed 6dcb09b",
      "ada: closed",
    ]);
    expect((await tasks.get(id)).statusReason).toBe("closed after 1 pushes");
    expect((await tasks.get({ name: "octo/hello#8" })).agent).toBe("pull-requests");
  });

  it.each([undefined, ""])("does not start without a secret (%j)", async (unset) => {
    await using server = startExample(unset);
    expect((await server.exited).code).toBe(2);
    expect(server.stderr()).toMatch(/GITHUB_WEBHOOK_SECRET must be set/);
  });
});

function pullRequest(action: string, number = 7): object {
  return {
    action,
    number,
    pull_request: {
      title: "Add a greeting",
      html_url: `https://github.com/octo/hello/pull/${number}`,
      head: { ref: "greeting", sha: "6dcb09b5b57875f334f61aebed695e2e4193db5e" },
    },
    repository: { full_name: "octo/hello" },
    sender: { login: "ada" },
  };
}
