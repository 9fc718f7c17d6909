"""Puts together what the entries of a log say."""

from collections.abc import Iterable

from pigeonhole.v1.event_pb2 import EventState
from pigeonhole.v1.message_pb2 import Delta, Message, MessageState
from pigeonhole.v1.task_pb2 import TaskState
from pigeonhole.v1.task_update_pb2 import TaskUpdate


class Conversation:
    """What a log has shown so far: the messages in their order, the task's state, and up to which sequence."""

    def __init__(self) -> None:
        self.sequence = 0
        self.state = TaskState.TASK_STATE_UNSPECIFIED
        self._messages: dict[str, Message] = {}

    def apply(self, update: TaskUpdate) -> None:
        """Adds what an entry of the log says, and prints it. Fails if the entry was there before."""
        if update.sequence <= self.sequence:
            raise ValueError(f"sequence {update.sequence} came after {self.sequence}")
        self.sequence = update.sequence
        print(f"{update.sequence:4}  {describe(update)}")
        match update.WhichOneof("entry"):
            case "task":
                self.state = update.task.state
            case "message":
                self._put(update.message)
            case "delta":
                self._grow(update.delta)
            case "superseded":
                for message_id in update.superseded.message_ids:
                    self._messages.pop(message_id, None)

    def shows(self, messages: Iterable[Message]) -> bool:
        """Tells whether the log has shown these messages and no others."""
        return [content_of(message) for message in self._messages.values()] == [*map(content_of, messages)]

    def _put(self, message: Message) -> None:
        """Adds a message, or says that one which its deltas have told is done."""
        before = self._messages.get(message.id)
        if before is not None and not message.parts:
            message.parts.extend(before.parts)
        self._messages[message.id] = message

    def _grow(self, delta: Delta) -> None:
        parts = self._messages[delta.message_id].parts
        if delta.HasField("part"):
            parts.append(delta.part)
        else:
            part = parts[delta.part_index]
            kind = part.WhichOneof("content")
            setattr(part, kind, getattr(part, kind) + delta.append_text)


def content_of(message: Message) -> tuple:
    return message.id, message.state, [*message.parts]


def describe(update: TaskUpdate) -> str:
    match update.WhichOneof("entry"):
        case "task":
            return TaskState.Name(update.task.state)
        case "event":
            return EventState.Name(update.event.state)
        case "message":
            text = "".join(part.text for part in update.message.parts)
            return f"{MessageState.Name(update.message.state)} {text}"
        case "delta":
            part = update.delta.part
            return f"... {update.delta.append_text}{part.text}{part.reasoning}"
        case "superseded":
            return f"void: {update.superseded.error.message}"
        case _:
            return ""
