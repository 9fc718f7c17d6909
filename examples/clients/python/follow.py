"""Follows the log of a task over whatever becomes of the connection, and reads errors."""

import time
from collections.abc import Iterator

import grpc
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_status import rpc_status
from pigeonhole.v1.task_service_pb2 import SubscribeTaskRequest
from pigeonhole.v1.task_service_pb2_grpc import TaskServiceStub
from pigeonhole.v1.task_update_pb2 import TaskUpdate

MAX_ATTEMPTS = 30
"""The most attempts in a row without a connection that holds."""

STREAM_SECONDS = 30
"""How long a stream lasts before it is renewed, so that one which is dead, and does not say so, is not waited for."""


def follow(tasks: TaskServiceStub, task_id: str, after: int) -> Iterator[TaskUpdate]:
    """Yields what the log of a task has after a sequence, until the task has ended.

    A server that stops or is overloaded and a lost connection are waited for; it then goes on after the last sequence
    seen, without a gap or a duplicate. Closing the iterator closes the stream.
    """
    attempt = 1
    while True:
        request = SubscribeTaskRequest(task_id=task_id, after_sequence=after)
        call = tasks.SubscribeTask(request, timeout=STREAM_SECONDS)
        answered = False
        try:
            for response in call:
                is_heartbeat = response.update.HasField("heartbeat")
                # The first heartbeat comes at once, and does not show yet that the connection holds.
                if answered or not is_heartbeat:
                    attempt = 0
                answered = True
                after = response.update.sequence
                if not is_heartbeat:
                    yield response.update
            return
        except grpc.RpcError as error:
            # Its own deadline is no failure. The last second counts as well: the server may be the first to see it pass.
            if answered and call.time_remaining() < 1:
                attempt = 0
            if not may_resume(error) or attempt == MAX_ATTEMPTS:
                raise
            print(f"lost: {explain(error)}; subscribes again after sequence {after}")
            wait = min(0.1 * attempt, 2) + retry_after(error)
        finally:
            call.cancel()
        time.sleep(wait)
        attempt += 1


def may_resume(error: grpc.RpcError) -> bool:
    """Tells whether a stream broke, or was refused for now, rather than for good.

    All errors of the server's have a reason; one without is the connection's, unless something in between refused: a
    wrong address answers with the status 404, a proxy that wants other credentials with 401 or 403.
    """
    code = grpc.StatusCode
    broken = error.code() in {code.UNAVAILABLE, code.DEADLINE_EXCEEDED}
    refused = error.code() in {code.UNIMPLEMENTED, code.UNAUTHENTICATED, code.PERMISSION_DENIED}
    return broken or (reason_of(error) == "" and not refused) or retry_after(error) > 0


def retry_after(error: grpc.RpcError) -> float:
    """Gives how many seconds the server wants to be left alone for: 0 if it does not say that trying again helps."""
    return detail_of(error, RetryInfo).retry_delay.ToMilliseconds() / 1000


def reason_of(error: grpc.RpcError) -> str:
    """Gives the reason in the ErrorInfo that every error of the server has, or "" if an error is not the server's."""
    return detail_of(error, ErrorInfo).reason


def detail_of(error: grpc.RpcError, kind):
    """Gives the detail of a kind that an error has, or an empty one."""
    status = rpc_status.from_call(error)
    found = kind()
    for detail in status.details if status else []:
        if detail.Unpack(found):
            break
    return found


def explain(error: grpc.RpcError) -> str:
    """Puts the reason before what an error says."""
    return ": ".join(filter(None, [reason_of(error), error.code().name, error.details()]))
