/** What a new project is called, and what it depends on. */
export interface ProjectNames {
  name: string;
  /** What package.json says of the version of this package. */
  pigeonhole: string;
  typescript: string;
  nodeTypes: string;
}

/** Makes the files of a new project, by their paths: an agent, its test, and what they need to run and to be type-checked. */
export function projectFiles({
  name,
  pigeonhole,
  typescript,
  nodeTypes,
}: ProjectNames): Record<string, string> {
  return {
    "package.json": `${JSON.stringify(
      {
        name,
        private: true,
        type: "module",
        scripts: { start: "pigeonhole serve agent.ts --watch", test: "node --test", check: "tsc" },
        dependencies: { pigeonhole },
        devDependencies: { "@types/node": nodeTypes, typescript },
      },
      null,
      2,
    )}\n`,
    "agent.ts": agentFile(name),
    "agent.test.ts": testFile,
    "tsconfig.json": tsconfigFile,
    "README.md": readmeFile(name),
    ".gitignore": "node_modules/\n*.db\n*.db-*\n",
  };
}

function agentFile(name: string): string {
  return `import { defineAgent } from "pigeonhole";

export default defineAgent({
  name: "${name}",
  description: "Repeats what it is told, and counts.",

  // Runs once, when a task is made.
  async onTaskCreate(ctx) {
    await ctx.messages.send(\`Hello, \${ctx.task.params.who ?? "stranger"}. Tell me something, or say "bye".\`);
  },

  // Runs for each event, in order. What it stores and shows has effect when it returns, once, whatever crashes.
  async onTaskEventSend(ctx, event) {
    const count = (ctx.state.get("count") ?? 0) + 1;
    ctx.state.set("count", count);
    const reply = ctx.messages.stream();
    for (const word of event.text.split(" ")) await reply.write(\`\${word} \`);
    await reply.write(\`(\${count})\`);
    if (event.text === "bye") ctx.complete("was told bye");
  },

  // Runs when somebody cancels the task; ctx.signal of what ran is aborted by then.
  async onTaskCancel(ctx, reason) {
    await ctx.messages.send(\`I stop here\${reason && \`: \${reason}\`}.\`);
  },
});
`;
}

const testFile = `import assert from "node:assert/strict";
import { test } from "node:test";
import { serve } from "pigeonhole";
import { createClient, TaskState } from "pigeonhole/client";
import agent from "./agent.ts";

test("repeats what it is told until it is told bye", async () => {
  const server = await serve({ agents: [agent], store: "memory:", port: 0 });
  try {
    const { tasks } = createClient({ baseUrl: server.url });
    const { task } = await tasks.create({ agent: agent.name, params: { who: "Ada" }, event: "Polly wants a cracker" });
    await tasks.send(task.id, "bye");

    // Follows the task until it ends.
    const said: string[] = [];
    let state: TaskState | undefined;
    for await (const view of tasks.view(task.id)) {
      state = view.task?.state;
      said.splice(0, said.length, ...view.messages.map(textOf));
    }

    assert.equal(state, TaskState.COMPLETED);
    assert.deepEqual(said, [
      'Hello, Ada. Tell me something, or say "bye".',
      "Polly wants a cracker (1)",
      "bye (2)",
    ]);
  } finally {
    await server.close();
  }
});

function textOf({ parts }: { parts: readonly { content: { case?: string | undefined; value?: unknown } }[] }): string {
  return parts.map(({ content }) => (content.case === "text" ? content.value : "")).join("");
}
`;

const tsconfigFile = `${JSON.stringify(
  {
    compilerOptions: {
      target: "es2024",
      lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
      module: "nodenext",
      types: ["node"],
      strict: true,
      noUncheckedIndexedAccess: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      noEmit: true,
    },
    include: ["*.ts"],
  },
  null,
  2,
)}\n`;

function readmeFile(name: string): string {
  return `# ${name}

An agent with a durable mailbox, by Pigeonhole. It needs Node 24.9 or newer.

\`\`\`sh
npm install
npm start                  # serves agent.ts, and again whenever it changes
npx pigeonhole chat ${name}   # in another terminal: talks to it
npm test                   # runs agent.test.ts
npm run check              # checks the types
\`\`\`

Change \`agent.ts\` while a task is open: the task goes on with the new code. Stop the server in the middle of an answer and
start it again: the answer comes, once. What it keeps is in \`pigeonhole.db\`; remove that to begin anew.

\`npx pigeonhole --help\` tells what else there is, and \`node_modules/pigeonhole/docs\` tells it at length.
`;
}
