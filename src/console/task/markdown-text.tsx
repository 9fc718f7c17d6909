import { memo } from "react";
import Markdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { Scrollable } from "../ui/scrollable.tsx";
import { isTameMarkdown } from "./tame-markdown.ts";

const plugins = [remarkGfm];

/** Links lead away without a word of where from. Pictures from elsewhere are not loaded, but can be gone to. */
const components: Components = {
  a: ({ href, children }) => (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  ),
  img: ({ src, alt }) => (
    <a href={typeof src === "string" ? src : undefined} target="_blank" rel="noopener noreferrer">
      {alt || "picture"}
    </a>
  ),
  pre: ({ children }) => (
    <Scrollable label="Code">
      <pre>{children}</pre>
    </Scrollable>
  ),
  // A task list's boxes say what is done; they are nobody's to tick.
  input: ({ checked }) => (
    <span role="img" aria-label={checked ? "done" : "to do"}>
      {checked ? "☑" : "☐"}
    </span>
  ),
};

/**
 * Text as Markdown. HTML in it is shown as it is written, and addresses that run scripts are dropped. What would take too long to read as
 * Markdown is shown as it is written, too.
 */
export const MarkdownText = memo(function MarkdownText({ text }: { text: string }) {
  if (!isTameMarkdown(text)) return <p className="markdown untamed">{text}</p>;
  return (
    <div className="markdown">
      <Markdown remarkPlugins={plugins} components={components}>
        {text}
      </Markdown>
    </div>
  );
});
