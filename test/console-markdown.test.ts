import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import Markdown from "react-markdown";
import remarkGfm from "remark-gfm";
import { describe, expect, it } from "vitest";
import { isTameMarkdown } from "../src/console/task/tame-markdown.ts";
import { cpuTime } from "./cpu-time.ts";

/** Renders what the console renders as Markdown, and gives other texts as they are, as it does. */
function render(text: string): string {
  if (!isTameMarkdown(text)) return text;
  return renderToStaticMarkup(createElement(Markdown, { remarkPlugins: [remarkGfm] }, text));
}

/** What takes a parser of Markdown a time that grows with its square, or as many calls within each other. */
const hostile = {
  emphasis: "*a_ ".repeat(20_000),
  brackets: "](".repeat(20_000),
  links: "[a](".repeat(20_000),
  references: "[a][b]".repeat(10_000),
  footnotes: "[^a".repeat(20_000),
  code: "`a".repeat(20_000),
  HTML: "<a ".repeat(20_000),
  tables: `|a|\n|-|\n${"|a|\n".repeat(20_000)}`,
  quotes: ">".repeat(10_000),
  "quotes with spaces": "> ".repeat(10_000),
  "lists in one line": `${"- ".repeat(1000)}a`,
  "numbered lists in one line": `${"1. > ".repeat(1000)}a`,
  "lists within lists": Array.from({ length: 400 }, (_, at) => `${" ".repeat(2 * at)}- a`).join("\n"),
  "a long text": "word ".repeat(100_000),
};

describe("Markdown", () => {
  it.each(Object.entries(hostile))("that is hostile is shown within a moment (%s)", async (_, text) => {
    const spent = await cpuTime(() => expect(render(text)).toContain(text.trim().slice(-1)));
    expect(spent).toBeLessThan(3_000);
  });

  it("is read in what people and models write", () => {
    expect(render("# A\n\n- **b**\n  - > c\n\n---\n\n| d |\n|---|\n| e |")).toMatch(
      /<h1>A<\/h1>.*<strong>b<\/strong>.*<blockquote>.*<hr\/>.*<td>e<\/td>/s,
    );
    const long = "A *paragraph* with `code` and [a link](https://a.example).\n\n".repeat(1000);
    expect(render(long)).toContain("<em>paragraph</em>");
  });
});
