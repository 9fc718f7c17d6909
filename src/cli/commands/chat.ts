import { EventState, isFinalState, TaskState, type TaskUpdate, type TaskView } from "../../client/index.ts";
import { messageOf } from "../../message-of.ts";
import { answerQuestion } from "../answer-question.ts";
import { defineCommand } from "../command.ts";
import { connect, connectPatiently, findTaskId, serverOptions } from "../connect.ts";
import { exitCodeOfTask } from "../exit-code.ts";
import { followTask } from "../follow-task.ts";
import { createLineReader } from "../read-lines.ts";
import { createStopSignal } from "../stop-signal.ts";
import { clean } from "../style.ts";
import { createTaskScreen } from "../task-screen.ts";
import { taskJson } from "../to-json.ts";
import { UsageError } from "../usage-error.ts";
import { parseJsonObject, parsePairs } from "../values.ts";

const help = `A line is an event to the task. /cancel cancels the task, /quit or Ctrl-D leaves it as it is.
Ctrl-C while the agent answers interrupts the answer; otherwise it leaves.`;

export const chat = defineCommand({
  name: "chat",
  args: "[AGENT]",
  summary: "Make a task and talk to it, a line at a time.",
  details: `${help}
Lines may be piped in: each is sent when what came before is settled. The exit code is that of task watch if the task
ends, and otherwise 0.`,
  options: {
    task: { type: "string", value: "task", summary: "Talk to this task instead of making one." },
    name: {
      type: "string",
      value: "name",
      summary: "A name for the task; an unfinished one of that name goes on.",
    },
    param: {
      type: "string",
      multiple: true,
      value: "key=value",
      summary: "What the task is about, a text by its name.",
    },
    params: { type: "string", value: "json", summary: "What the task is about, a JSON object." },
    sender: { type: "string", value: "name", summary: "Who you are." },
    ...serverOptions,
  },
  async run({ args: [agent], values, output }) {
    const { name, sender = "" } = values;
    if ((agent === undefined) === (values.task === undefined))
      throw new UsageError("chat needs AGENT or --task");
    const client = connect(values);
    const task =
      agent === undefined
        ? await client.tasks.get(await findTaskId(client, values.task ?? ""))
        : (
            await client.tasks.create({
              agent,
              params: paramsOf(values),
              ...(name !== undefined && { name }),
            })
          ).task;
    const { tasks } = connectPatiently(values);

    let busy = false;
    const interrupt = () => {
      if (!busy) return false;
      busy = false;
      tasks.interrupt(task.id, { reason: "interrupted in a chat" }).catch((error: unknown) => {
        output.note(clean(messageOf(error)));
      });
      return true;
    };
    const signal = createStopSignal(interrupt);
    using lines = createLineReader(signal);
    const screen = createTaskScreen(output);
    let typed = "";
    const follower = followTask(tasks, task.id, {
      ...screen,
      signal,
      // What somebody has just typed stands there already.
      show: (update) =>
        lines.interactive && saysOnly(update, typed) ? Promise.resolve() : screen.show(update),
    });
    const ask = async (prompt: string) => {
      await screen.endLine();
      return lines.ask(output.paint("bold", prompt));
    };

    await output.show({ task: taskJson(task) }, () =>
      output.paint("dim", `task ${task.id}; /help says more\n`),
    );
    let sequence = 0n;
    for (;;) {
      busy = true;
      const view = await follower.until((view) => isIdle(view, sequence));
      // What a turn commits at once comes one by one: here may be its event, and the question that it asks is still to come.
      const { state, question, sequence: end } = await tasks.get(task.id);
      sequence = end;
      if (view.sequence < end) continue;
      busy = false;
      if (isFinalState(state)) return exitCodeOfTask(state);
      if (question !== undefined) {
        if (!(await answerQuestion(tasks, task.id, question, ask, output))) return 0;
        sequence = view.sequence + 1n;
        continue;
      }
      const line = await ask("you> ");
      typed = line ?? "";
      if (line === undefined || line.trim() === "/quit") return 0;
      if (line.trim() === "/help") output.note(help);
      else if (line.trim() === "/cancel") sequence = (await tasks.cancel(task.id)).task.sequence;
      else if (line !== "") sequence = (await tasks.send(task.id, line, { sender })).event.sequence;
    }
  },
});

/** Whether an entry of the log puts an event into the mailbox that says nothing but a text. */
function saysOnly({ entry }: TaskUpdate, text: string): boolean {
  if (entry.case !== "event" || entry.value.state !== EventState.QUEUED) return false;
  const [part, ...others] = entry.value.parts;
  return others.length === 0 && part?.content.case === "text" && part.content.value === text;
}

/** Whether the view has come to a sequence, and the task waits for somebody. */
function isIdle({ task, events, sequence }: TaskView, wanted: bigint): boolean {
  if (task === undefined || sequence < wanted) return false;
  if (task.state === TaskState.PENDING || task.state === TaskState.CANCELLING) return false;
  const waits = task.state === TaskState.INPUT_REQUIRED || task.state === TaskState.PAUSED;
  return !events.some(
    ({ state }) => state === EventState.PROCESSING || (state === EventState.QUEUED && !waits),
  );
}

function paramsOf(values: { readonly params?: string; readonly param?: string[] }) {
  return {
    ...(values.params !== undefined && parseJsonObject("params", values.params)),
    ...parsePairs("param", values.param),
  };
}
