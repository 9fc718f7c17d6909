import { create, toBinary } from "@bufbuild/protobuf";
import { MessageAuthor, type Part, PartSchema } from "../../proto.ts";
import type { MessageOptions, MessageStream } from "../agent.ts";
import { TaskError } from "../errors.ts";
import type { Delta } from "../store/records.ts";
import { encodeParts, maxMessageBytes, parsePart, tooLarge } from "./content.ts";
import type { TurnOutput } from "./turn-output.ts";

/** Makes a message that grows, and a way to end it with its turn. `requireOpen` throws once the turn is over. */
export function createMessageStream(
  id: string,
  author: MessageAuthor,
  output: TurnOutput,
  requireOpen: () => void,
): { stream: MessageStream; end(): void } {
  const parts: Part[] = [];
  let size = 0;
  let begun = false;
  let ended = false;

  const stream: MessageStream = {
    id,
    async write(addition) {
      requireOpen();
      if (ended) throw new TaskError("TURN_OVER", `message ${id} has ended`);
      const { delta, added, apply } = grow(
        parsePart(typeof addition === "string" ? { text: addition } : addition),
      );
      if (size + added > maxMessageBytes) throw tooLarge(size + added);
      apply();
      size += added;
      begin();
      output.push({ kind: "delta", delta }, added);
      await output.room();
    },
    async end() {
      if (!ended) {
        requireOpen();
        end();
      }
      await output.room();
    },
  };
  return { stream, end };

  function begin(): void {
    if (begun) return;
    begun = true;
    output.push({ kind: "message", id, author, done: false }, 0);
  }

  function end(): void {
    if (ended) return;
    const content = encodeParts(parts);
    ended = true;
    // What nothing was written to is no message.
    if (!begun) return;
    output.push({ kind: "end", id, content }, content.byteLength);
  }

  /** Finds what a part adds: text to the last part, if that is of its kind and neither has metadata, or a part of its own. */
  function grow(part: Part): { delta: Delta; added: number; apply(): void } {
    const last = parts.at(-1);
    const { content } = part;
    if (content.case === "text" || content.case === "reasoning") {
      const text = content.value;
      if (last?.content.case === content.case && last.metadata === undefined && part.metadata === undefined) {
        const target = last.content;
        return {
          delta: { messageId: id, partIndex: parts.length - 1, text },
          added: Buffer.byteLength(text),
          apply() {
            target.value += text;
          },
        };
      }
    }
    const bytes = toBinary(PartSchema, part);
    return {
      delta: { messageId: id, partIndex: parts.length, part: bytes },
      added: bytes.byteLength + 8,
      apply() {
        parts.push(create(PartSchema, part));
      },
    };
  }
}

/** Parses whose voice a message is. Throws VALUE_INVALID. */
export function authorOf({ author = "agent" }: MessageOptions = {}): MessageAuthor {
  if (author === "agent") return MessageAuthor.AGENT;
  if (author === "user") return MessageAuthor.USER;
  throw new TaskError(
    "VALUE_INVALID",
    `a message's author must be "agent" or "user", not ${JSON.stringify(author)}`,
  );
}
