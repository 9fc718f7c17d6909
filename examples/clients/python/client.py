"""Makes a task, sends it an event, follows its log over a cut and cancels it, over gRPC.

Ends with status 0 only if the server kept what it promises.
"""

import sys
from contextlib import closing
from uuid import uuid4

import grpc
from conversation import Conversation
from follow import explain, follow, reason_of
from google.protobuf.struct_pb2 import Struct
from pigeonhole.v1.event_pb2 import EventState
from pigeonhole.v1.message_pb2 import MessageAuthor
from pigeonhole.v1.part_pb2 import Part
from pigeonhole.v1.task_pb2 import TaskState
from pigeonhole.v1.task_service_pb2 import (
    CancelTaskRequest,
    CreateTaskRequest,
    ListEventsRequest,
    ListMessagesRequest,
    SendEventRequest,
)
from pigeonhole.v1.task_service_pb2_grpc import TaskServiceStub


def main(address: str) -> None:
    # What breaks is taken up again by follow(). The retries of grpcio itself, as of 1.85, may hang when a server stops.
    with grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
        tasks = TaskServiceStub(channel)
        task_id = create_twice(tasks)
        seen = Conversation()
        converse(tasks, task_id, seen)
        cancel(tasks, task_id, seen)


def create_twice(tasks: TaskServiceStub) -> str:
    """Makes a task, as if the first answer had been lost: with the same request id there is one task."""
    params = Struct()
    params["who"] = "Python"
    request = CreateTaskRequest(agent="greeter", params=params, request_id=str(uuid4()))
    first = tasks.CreateTask(request)
    second = tasks.CreateTask(request)
    promised(second.duplicate and second.task == first.task, "one request makes one task")
    print("created: one task, though asked for twice:", first.task.id)
    return first.task.id


def converse(tasks: TaskServiceStub, task_id: str, seen: Conversation) -> None:
    """Sends an event, leaves the stream in the middle of the answer, and goes on where it was."""
    event = send(tasks, task_id, "the pigeons are back").event
    print("sent: the event is durable, at sequence", event.sequence)

    with closing(follow(tasks, task_id, after=0)) as updates:
        for update in updates:
            seen.apply(update)
            if update.HasField("delta"):
                break
    print("cut: goes on after sequence", seen.sequence)
    with closing(follow(tasks, task_id, after=seen.sequence)) as updates:
        for update in updates:
            seen.apply(update)
            if update.event.id == event.id and update.event.state == EventState.EVENT_STATE_PROCESSED:
                break

    listed = tasks.ListMessages(ListMessagesRequest(task_id=task_id)).messages
    promised(seen.shows(listed), "a log that was cut shows the conversation as it is")
    for message in listed:
        print(f"{MessageAuthor.Name(message.author)}: {''.join(part.text for part in message.parts)}")


def cancel(tasks: TaskServiceStub, task_id: str, seen: Conversation) -> None:
    """Sends another event, cancels the task before it is answered, and follows the log to its end."""
    late = send(tasks, task_id, "one more thing").event
    tasks.CancelTask(CancelTaskRequest(task_id=task_id, reason="enough", request_id=str(uuid4())))
    for update in follow(tasks, task_id, after=seen.sequence):
        seen.apply(update)
    promised(seen.state == TaskState.TASK_STATE_CANCELLED, "the log of a cancelled task ends with that")
    events = {event.id: event for event in tasks.ListEvents(ListEventsRequest(task_id=task_id)).events}
    promised(events[late.id].state == EventState.EVENT_STATE_DROPPED, "what waited is dropped on the record")
    print("cancelled: the log has ended, and what waited was dropped")

    try:
        send(tasks, task_id, "too late")
    except grpc.RpcError as error:
        promised(reason_of(error) == "TASK_FINISHED", explain(error))
        print("refused:", explain(error))
    else:
        promised(False, "a finished task takes no event")


def send(tasks: TaskServiceStub, task_id: str, text: str):
    parts = [Part(text=text)]
    return tasks.SendEvent(SendEventRequest(task_id=task_id, parts=parts, request_id=str(uuid4())))


def promised(kept: bool, promise: str) -> None:
    if not kept:
        sys.exit(f"This was promised, and is not so: {promise}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:] or ["127.0.0.1:8080"])
    except grpc.RpcError as error:
        sys.exit(explain(error))
