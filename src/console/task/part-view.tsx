import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Part } from "../../client/index.ts";
import { JsonView } from "../ui/json-view.tsx";
import { FilePart } from "./file-part.tsx";
import { MarkdownText } from "./markdown-text.tsx";
import { ToolCall } from "./tool-call.tsx";
import type { ToolResults } from "./tool-results.ts";

interface PartViewProps {
  part: Part;
  results?: ToolResults;
  /** Whether the part is still growing. */
  open?: boolean;
}

/** A piece of content of a message or an event. */
export function PartView({ part: { content }, results, open = false }: PartViewProps) {
  switch (content.case) {
    case "text":
      return <MarkdownText text={content.value} />;
    case "reasoning":
      return (
        <details className="reasoning">
          <summary>{open ? "Thinking …" : "Reasoning"}</summary>
          <MarkdownText text={content.value} />
        </details>
      );
    case "data":
      return <JsonView value={toJson(ValueSchema, content.value)} label="Data" />;
    case "file":
      return <FilePart file={content.value} />;
    case "toolRequest":
      return <ToolCall request={content.value} response={results?.responses.get(content.value)} />;
    case "toolResponse":
      return results?.paired.has(content.value) ? null : <ToolCall response={content.value} />;
    case undefined:
      return null;
  }
}
