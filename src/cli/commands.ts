import type { Command } from "./command.ts";
import { agents } from "./commands/agents.ts";
import { chat } from "./commands/chat.ts";
import { completion } from "./commands/completion.ts";
import { doctor } from "./commands/doctor.ts";
import { init } from "./commands/init.ts";
import { events, messages, redrive, unsend } from "./commands/mailbox.ts";
import { scheduleCommands } from "./commands/schedule.ts";
import { send } from "./commands/send.ts";
import { serve } from "./commands/serve.ts";
import { storeCommands } from "./commands/store.ts";
import { taskCreate } from "./commands/task-create.ts";
import { taskGet } from "./commands/task-get.ts";
import { taskList } from "./commands/task-list.ts";
import { taskState } from "./commands/task-state.ts";
import { taskCancel, taskDelete, taskInterrupt } from "./commands/task-stop.ts";
import { taskToken } from "./commands/task-token.ts";
import { taskWatch } from "./commands/task-watch.ts";
import { tokenCommands } from "./commands/token.ts";
import { webhookCommands } from "./commands/webhook.ts";

/** All commands, in the order of help. */
export const commands: readonly Command[] = [
  init,
  serve,
  chat,
  taskCreate,
  taskList,
  taskGet,
  taskWatch,
  taskState,
  taskCancel,
  taskInterrupt,
  taskDelete,
  taskToken,
  send,
  unsend,
  messages,
  events,
  redrive,
  ...scheduleCommands,
  ...webhookCommands,
  ...tokenCommands,
  agents,
  ...storeCommands,
  doctor,
  completion,
];
