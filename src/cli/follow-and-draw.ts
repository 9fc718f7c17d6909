import type { PigeonholeClient, Task } from "../client/index.ts";
import { answerQuestion } from "./answer-question.ts";
import { exitCodeOfTask } from "./exit-code.ts";
import { followTask } from "./follow-task.ts";
import type { Output } from "./output.ts";
import { createLineReader } from "./read-lines.ts";
import { createStopSignal } from "./stop-signal.ts";
import { createTaskScreen } from "./task-screen.ts";

/** How to follow and draw. */
export interface DrawOptions {
  /** The sequence after which to begin. */
  afterSequence?: bigint;
  /** Whether to ask a person for the answers of the questions that the task asks. */
  answer?: boolean;
}

/** Follows a task to its end and shows all of it, over restarts of the server. Resolves with the exit code of how it ended. */
export async function followAndDraw(
  { tasks }: PigeonholeClient,
  task: Task,
  output: Output,
  { afterSequence = 0n, answer = false }: DrawOptions = {},
): Promise<number> {
  const signal = createStopSignal();
  const screen = createTaskScreen(output);
  const follower = followTask(tasks, task.id, { afterSequence, signal, ...screen });
  try {
    if (answer) await answerAll();
    const view = await follower.until(() => false);
    return exitCodeOfTask((view.task ?? task).state);
  } finally {
    await screen.endLine();
  }

  async function answerAll(): Promise<void> {
    using lines = createLineReader(signal);
    const ask = async (prompt: string) => {
      await screen.endLine();
      return lines.ask(prompt);
    };
    let answered = "";
    for (;;) {
      const isAsked = (question = task.question) => question !== undefined && question.id !== answered;
      const view = await follower.until((view) => isAsked(view.task?.question));
      const { question } = view.task ?? task;
      if (question === undefined || question.id === answered) return;
      answered = question.id;
      if (!(await answerQuestion(tasks, task.id, question, ask, output))) return;
    }
  }
}
