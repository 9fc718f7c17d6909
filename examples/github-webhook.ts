// Shows an incoming webhook: GitHub posts what happens in a repository, and each pull request becomes a task of its own, from its opening
// to its end. In the settings of the repository, add a webhook for pull requests with the URL https://<your host>/webhooks/pull-requests/github,
// the content type application/json and a secret, which this reads from GITHUB_WEBHOOK_SECRET; without it, it does not start.
// Run it with `GITHUB_WEBHOOK_SECRET=... npm start -- examples/github-webhook.ts`.
import { defineAgent, githubSignature, type WebhookRequest } from "pigeonhole";

const secret = process.env.GITHUB_WEBHOOK_SECRET;
if (!secret) throw new Error("GITHUB_WEBHOOK_SECRET must be set to the secret of the webhook");

export default defineAgent({
  name: "pull-requests",
  description: "Follows pull requests.",

  webhooks: { github: { verify: githubSignature({ secret }), route: toPullRequest } },

  async onTaskCreate(ctx) {
    await ctx.messages.send(`Pull request ${ctx.task.params.number}: ${ctx.task.params.title}`);
  },

  async onTaskEventSend(ctx, event) {
    const pushes = (ctx.state.get("pushes") ?? 0) + (event.type === "synchronize" ? 1 : 0);
    ctx.state.set("pushes", pushes);
    await ctx.messages.send(`${event.sender}: ${event.text}`);
    if (event.type === "closed") ctx.complete(`closed after ${pushes} pushes`);
  },
});

/** Finds the task of a pull request. What is about nothing of that kind is not wanted, such as the ping when the webhook is made. */
function toPullRequest(request: WebhookRequest) {
  if (request.headers.get("x-github-event") !== "pull_request") return undefined;
  // Its signature vouches for its shape.
  const { action, number, pull_request, repository, sender } = request.json() as PullRequestPayload;
  return {
    task: `${repository.full_name}#${number}`,
    params: { number, title: pull_request.title, url: pull_request.html_url },
    labels: { source: "github" },
    type: action,
    sender: sender.login,
    content: action === "synchronize" ? `pushed ${pull_request.head.sha.slice(0, 7)}` : action,
  };
}

/** What this reads of what GitHub sends. */
interface PullRequestPayload {
  action: string;
  number: number;
  pull_request: { title: string; html_url: string; head: { sha: string } };
  repository: { full_name: string };
  sender: { login: string };
}
