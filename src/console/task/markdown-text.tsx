import { memo, type ReactNode } from "react";
import Markdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { Scrollable } from "../ui/scrollable.tsx";
import { isTameMarkdown } from "./tame-markdown.ts";

const plugins = [remarkGfm];

/** Pictures from elsewhere are not loaded, but can be gone to. */
const components: Components = {
  a: ({ href, children }) => <Away href={href}>{children}</Away>,
  img: ({ src, alt }) => <Away href={src}>{alt || "picture"}</Away>,
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

/** A link, which leads away without a word of where from. To a footnote, or where the address was dropped, there is none. */
function Away({ href, children }: { href: unknown; children: ReactNode }) {
  if (typeof href !== "string" || href === "" || href.startsWith("#")) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

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
