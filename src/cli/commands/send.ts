import { EventWait, OnBusy, type SendOptions } from "../../client/index.ts";
import { defineCommand } from "../command.ts";
import { connect, findTaskId, serverOptions } from "../connect.ts";
import { contentOptions, readContent } from "../content-options.ts";
import { eventStateText } from "../describe.ts";
import { exitCodeOfEvent } from "../exit-code.ts";
import { withProgress } from "../progress.ts";
import { createStopSignal } from "../stop-signal.ts";
import { clean } from "../style.ts";
import { eventJson } from "../to-json.ts";
import { UsageError } from "../usage-error.ts";
import { choiceOf, choicesOf, parseDuration } from "../values.ts";
import { deliverTimeOf } from "./task-create.ts";

export const send = defineCommand({
  name: "send",
  args: "TASK [TEXT...]",
  summary: "Put an event into a task's mailbox.",
  details: `TEXT, --data and --file are its parts; - as TEXT is what stdin has. When this is done the event is durable; with
--wait it is settled, and the exit code tells how: 0 PROCESSED, 6 dead-lettered, 7 dropped, 8 not settled in time.`,
  options: {
    ...contentOptions,
    "on-busy": {
      type: "string",
      value: "policy",
      choices: choicesOf(OnBusy),
      summary: `What it does to a task that is busy: ${choicesOf(OnBusy).join(", ")}.`,
    },
    answers: { type: "string", value: "question", summary: "The id of the question that it answers." },
    "deliver-in": { type: "string", value: "time", summary: "When to deliver it, from now, such as 10m." },
    "deliver-at": {
      type: "string",
      value: "time",
      summary: "When to deliver it, such as 2030-01-31T09:00Z.",
    },
    "request-id": {
      type: "string",
      value: "id",
      summary: "Makes it safe to run this again: it has one effect.",
    },
    wait: { type: "boolean", summary: "Wait until it is settled." },
    timeout: {
      type: "string",
      value: "time",
      summary: "With --wait: how long at most, up to 5m. Default 30s.",
    },
    ...serverOptions,
  },
  async run({ args: [key = "", ...words], values, output }) {
    const client = connect(values);
    const content = await readContent(words, values);
    if (content === undefined)
      throw new UsageError("there is nothing to send: give TEXT, -, --data or --file");
    if (values.timeout !== undefined && !values.wait) throw new UsageError("--timeout goes with --wait");
    const deliverTime = deliverTimeOf(values);
    const options: SendOptions = {
      ...(values["on-busy"] !== undefined && { onBusy: choiceOf<OnBusy>(OnBusy, values["on-busy"]) }),
      ...(values.answers !== undefined && { answers: values.answers }),
      ...(values["request-id"] !== undefined && { requestId: values["request-id"] }),
      ...(deliverTime && { deliverTime }),
      ...(values.wait && { wait: EventWait.PROCESSED, signal: createStopSignal() }),
      ...(values.timeout !== undefined && { waitTimeout: parseDuration("timeout", values.timeout) }),
    };
    const taskId = await findTaskId(client, key);
    const sending = client.tasks.send(taskId, content, options);
    const { event, duplicate, settledSequence } = await withProgress("waiting for the event", sending);
    await output.show(
      { event: eventJson(event), duplicate, settledSequence: String(settledSequence) },
      () => `${clean(event.id)} ${eventStateText(event.state)}\n`,
    );
    return values.wait ? exitCodeOfEvent(event) : 0;
  },
});
