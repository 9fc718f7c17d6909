import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { GenService } from "@bufbuild/protobuf/codegenv2";
import { EmptySchema, FileDescriptorProtoSchema, file_google_protobuf_empty } from "@bufbuild/protobuf/wkt";

const imports = file_google_protobuf_empty;
const empty = `.${EmptySchema.typeName}`;

const service = createFileRegistry(
  create(FileDescriptorProtoSchema, {
    name: "pigeonhole/bench/empty.proto",
    package: "pigeonhole.bench",
    syntax: "proto3",
    dependency: [`${imports.name}.proto`],
    service: [{ name: "EmptyService", method: [{ name: "Call", inputType: empty, outputType: empty }] }],
  }),
  () => imports,
).getService("pigeonhole.bench.EmptyService");
if (!service) throw new Error("the empty service is not what it describes");

/** A service whose one call, from empty to empty, does nothing: what is measured is the way there and back. */
export const EmptyService = service as GenService<{
  call: { methodKind: "unary"; input: typeof EmptySchema; output: typeof EmptySchema };
}>;
