"""Generates the gRPC stubs, as a plugin for buf: grpcio-tools has the generator only inside of its compiler."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
with TemporaryDirectory() as folder:
    image = Path(folder, "image.binpb")
    image.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
    out = Path(folder, "out")
    out.mkdir()
    arguments = ["protoc", f"--descriptor_set_in={image}", f"--grpc_python_out={out}"]
    if protoc.main([*arguments, *request.file_to_generate]) != 0:
        sys.exit("grpc_tools.protoc has failed")
    for path in sorted(out.rglob("*.py")):
        response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
sys.stdout.buffer.write(response.SerializeToString())
