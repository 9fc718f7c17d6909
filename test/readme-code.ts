import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** A fenced block of a page. */
export interface CodeBlock {
  language: string;
  code: string;
}

/** Reads the fenced blocks of a page, by its path in the repository. */
export function codeBlocks(page: string): CodeBlock[] {
  const text = readFileSync(`${root}${page}`, "utf8");
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", code = ""]) => ({
    language,
    code,
  }));
}

/** Finds the one block of the README that has a text in it. Throws if there is none, or more than one. */
export function readmeCode(text: string): string {
  return pageCode("README.md", text);
}

/** Finds the one block of a page that has a text in it. Throws if there is none, or more than one. */
export function pageCode(page: string, text: string): string {
  const found = codeBlocks(page).filter(({ code }) => code.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${page} have ${text}`);
  return found[0]?.code ?? "";
}

/** Finds the one line of the README's commands that begins so, without what it is commented with. */
export function readmeCommand(begin: string): string {
  const lines = codeBlocks("README.md").flatMap(({ code }) => code.split("\n"));
  const found = lines.filter((line) => line.startsWith(begin));
  if (found.length !== 1) throw new Error(`${found.length} lines of the README begin with ${begin}`);
  return (found[0] ?? "").replace(/\s+#.*$/, "");
}

/** Puts another address into code that names the README's. */
export function atAddress(code: string, url: string): string {
  return code.replaceAll("http://127.0.0.1:8080", url);
}
