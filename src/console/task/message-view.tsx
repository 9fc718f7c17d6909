import { memo } from "react";
import { type Message, MessageAuthor, MessageState } from "../../client/index.ts";
import { formatFull, formatTime } from "../ui/format.ts";
import { Parts } from "./parts.tsx";
import type { ToolResults } from "./tool-results.ts";

/** One message of the conversation. */
export const MessageView = memo(function MessageView({
  message,
  results,
}: {
  message: Message;
  results: ToolResults;
}) {
  const user = message.author === MessageAuthor.USER;
  const streaming = message.state === MessageState.STREAMING;
  return (
    <article
      className={`message ${user ? "message-user" : "message-agent"}`}
      aria-busy={streaming}
      data-message={message.id}
    >
      <header>
        <span className="author">{user ? "User" : "Agent"}</span>
        {message.attempt > 1 && <span className="soft">attempt {message.attempt}</span>}
        <time className="soft" title={formatFull(message.createTime)}>
          {formatTime(message.createTime)}
        </time>
      </header>
      <Parts parts={message.parts} results={results} streaming={streaming} />
    </article>
  );
});
