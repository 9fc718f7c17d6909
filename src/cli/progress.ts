import { styleText } from "node:util";

/** How long something takes before it is worth a word, and how often the word changes, in ms. */
const interval = 1000;

/** Tells somebody at a terminal that something long is under way, and for how long. Says nothing elsewhere, nor of what is done soon. */
export async function withProgress<T>(what: string | (() => string), work: Promise<T>): Promise<T> {
  const { stderr } = process;
  if (!stderr.isTTY) return work;
  const begin = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    shown = true;
    const seconds = Math.round((performance.now() - begin) / 1000);
    const text = typeof what === "string" ? what : what();
    stderr.write(`\r\u001b[K${styleText("dim", `${text} ${seconds} s`, { stream: stderr })}`);
  }, interval);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown) stderr.write("\r\u001b[K");
  }
}
