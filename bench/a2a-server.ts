// The peer: an A2A agent on the gRPC server of @a2a-js/sdk that answers a message with one artifact and completes the task.
// Usage: node a2a-server.ts memory | node a2a-server.ts sqlite <file>
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type AgentCard, TaskState, type TaskStatus } from "@a2a-js/sdk";
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  InMemoryTaskStore,
  type TaskStore,
} from "@a2a-js/sdk/server";
import { DatabaseTaskStore } from "@a2a-js/sdk/server/database";
import { A2AService, grpcService, UserBuilder } from "@a2a-js/sdk/server/grpc";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import Database from "better-sqlite3";
import { Kysely, SqliteDialect } from "kysely";
import { reportUsage } from "./usage.ts";

const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const about = { taskId, contextId, metadata: {} };
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: status(TaskState.TASK_STATE_SUBMITTED),
        history: [userMessage],
        artifacts: [],
        metadata: {},
      }),
    );
    bus.publish(AgentEvent.statusUpdate({ ...about, status: status(TaskState.TASK_STATE_WORKING) }));
    bus.publish(
      AgentEvent.artifactUpdate({
        ...about,
        artifact: {
          artifactId: randomUUID(),
          name: "",
          description: "",
          parts: [{ content: { $case: "text", value: "done" }, metadata: {}, filename: "", mediaType: "" }],
          metadata: {},
          extensions: [],
        },
        append: false,
        lastChunk: true,
      }),
    );
    bus.publish(AgentEvent.statusUpdate({ ...about, status: status(TaskState.TASK_STATE_COMPLETED) }));
  },
  async cancelTask() {},
};

const card: AgentCard = {
  name: "peer",
  description: "Answers each message.",
  supportedInterfaces: [{ url: "127.0.0.1", protocolBinding: "GRPC", tenant: "", protocolVersion: "1.0" }],
  provider: undefined,
  version: "1.0.0",
  capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ["text"],
  defaultOutputModes: ["text"],
  skills: [],
  signatures: [],
};

function status(state: TaskState): TaskStatus {
  return { state, message: undefined, timestamp: new Date().toISOString() };
}

/** Opens the SDK's own database store as its guide says, with the durability that Pigeonhole promises. */
function sqliteStore(file: string): TaskStore {
  const migrate = join(import.meta.dirname, "node_modules/@a2a-js/sdk/dist/cli/a2a_db.js");
  execFileSync(process.execPath, [migrate, "upgrade", "--url", `sqlite:${file}`]);
  const database = new Database(file);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  return new DatabaseTaskStore(new Kysely({ dialect: new SqliteDialect({ database }) }));
}

reportUsage();
const [kind, file] = process.argv.slice(2);
const store = kind === "sqlite" && file ? sqliteStore(file) : new InMemoryTaskStore();
const server = new Server();
server.addService(
  A2AService,
  grpcService({
    requestHandler: new DefaultRequestHandler(card, store, executor),
    userBuilder: UserBuilder.noAuthentication,
  }),
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`http://127.0.0.1:${port}`);
});
