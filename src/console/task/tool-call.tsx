import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { ToolRequest, ToolResponse } from "../../proto.ts";
import { Badge } from "../ui/badge.tsx";
import { JsonView } from "../ui/json-view.tsx";

interface ToolCallProps {
  request?: ToolRequest | undefined;
  response?: ToolResponse | undefined;
}

/** A call of a tool with its result, folded away; its line says which tool, and how it went. */
export function ToolCall({ request, response }: ToolCallProps) {
  const failed = response?.isError === true;
  return (
    <details className="tool">
      <summary>
        <code>{request?.name || response?.name || "tool"}</code>
        <Badge tone={failed ? "bad" : response ? "good" : "busy"}>
          {failed ? "failed" : response ? "done" : "running"}
        </Badge>
      </summary>
      {request?.arguments && <Captioned caption="Arguments" value={request.arguments} />}
      {response?.result && <Captioned caption="Result" value={toJson(ValueSchema, response.result)} />}
    </details>
  );
}

function Captioned({ caption, value }: { caption: string; value: JsonValue }) {
  return (
    <div className="captioned">
      <p className="soft">{caption}</p>
      <JsonView value={value} label={caption} />
    </div>
  );
}
