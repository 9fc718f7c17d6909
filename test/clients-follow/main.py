"""Follows a task of a server, with so many attempts and streams of so many seconds."""

import sys

import follow
import grpc
from pigeonhole.v1.task_service_pb2_grpc import TaskServiceStub

address, attempts, seconds = sys.argv[1:]
follow.MAX_ATTEMPTS = int(attempts)
follow.STREAM_SECONDS = float(seconds)
try:
    with grpc.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
        for update in follow.follow(TaskServiceStub(channel), "any", after=0):
            print(update.sequence)
except grpc.RpcError as error:
    sys.exit(follow.explain(error))
