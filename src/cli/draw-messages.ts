import { type Delta, type Message, MessageAuthor, MessageState, type Part } from "../client/index.ts";
import { partText } from "./describe.ts";
import { clean, type Paint, type Style } from "./style.ts";

/** Draws messages as they grow: of each entry, only what is not drawn yet. */
export interface MessagesDrawing {
  message(message: Message): string;
  delta(delta: Delta): string;
  /** Forgets messages that are void. */
  forget(ids: readonly string[]): void;
  /** Makes what ends the line that was begun, if one was. */
  endLine(): string;
}

/** How far a message is drawn: its author, its part, how many characters of that, and how it looks. */
interface Cursor {
  author: MessageAuthor;
  part: number;
  length: number;
  style: Style | undefined;
}

/** Makes a drawing of a conversation. It keeps only where it is in the messages that still grow. */
export function createMessagesDrawing(paint: Paint): MessagesDrawing {
  const cursors = new Map<string, Cursor>();
  /** The message within whose line the drawing is. */
  let open: string | undefined;

  return {
    message({ id, author, parts, state }) {
      const cursor = cursorOf(id);
      cursor.author = author;
      let text = parts.map((part, index) => drawPart(id, index, part)).join("");
      if (state === MessageState.STREAMING) return text;
      cursors.delete(id);
      if (open === id) text += endLine();
      return text;
    },
    delta({ messageId, partIndex, change }) {
      if (change.case === "part") return drawPart(messageId, partIndex, change.value);
      if (change.case === undefined) return "";
      return enter(messageId, partIndex, undefined) ? append(messageId, change.value) : "";
    },
    forget(ids) {
      for (const id of ids) cursors.delete(id);
    },
    endLine,
  };

  function endLine(): string {
    if (open === undefined) return "";
    open = undefined;
    return "\n";
  }

  function cursorOf(id: string): Cursor {
    const cursor = cursors.get(id) ?? {
      author: MessageAuthor.AGENT,
      part: -1,
      length: 0,
      style: undefined,
    };
    cursors.set(id, cursor);
    return cursor;
  }

  /** Goes on to a part. Returns whether it is not behind already. */
  function enter(id: string, part: number, style: Style | undefined): boolean {
    const cursor = cursorOf(id);
    if (part > cursor.part) cursors.set(id, { ...cursor, part, length: 0, style });
    return part >= cursor.part;
  }

  function drawPart(id: string, index: number, part: Part): string {
    if (!enter(id, index, partStyle(part))) return "";
    return append(id, wholeText(part).slice(cursorOf(id).length));
  }

  function append(id: string, added: string): string {
    if (added === "") return "";
    const cursor = cursorOf(id);
    const { style, length, author } = cursor;
    cursor.length += added.length;
    const head = open === id && length > 0 ? "" : `${endLine()}${label(author)}`;
    open = id;
    return `${head}${style === undefined ? clean(added) : paint(style, added)}`;
  }

  function label(author: MessageAuthor): string {
    return author === MessageAuthor.USER
      ? paint(["cyan", "bold"], "user: ")
      : paint(["green", "bold"], "agent: ");
  }
}

/** What is drawn of a part. What deltas append to it comes after this. */
function wholeText(part: Part): string {
  const { case: kind, value } = part.content;
  return kind === "text" ? value : partText(part);
}

function partStyle({ content }: Part): Style | undefined {
  switch (content.case) {
    case "reasoning":
      return ["dim", "italic"];
    case "toolRequest":
      return "blue";
    case "toolResponse":
      return content.value.isError ? "red" : "blue";
    default:
      return undefined;
  }
}
