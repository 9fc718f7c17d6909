import { type DescFile, type DescMessage, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** The files that some services are described by, and where each name in them is. */
export interface DescriptorIndex {
  /** By path, such as `google/rpc/status.proto`. */
  readonly files: ReadonlyMap<string, DescFile>;
  /** By the full name of what is declared in the file: `pigeonhole.v1.TaskService.SendEvent`. */
  readonly symbols: ReadonlyMap<string, DescFile>;
  /** By the full name of the message that is extended, and the number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, DescFile>>;
  /** Encodes a file and all that it imports, as FileDescriptorProtos, what is imported first. */
  encode(file: DescFile): Uint8Array[];
}

/** Indexes the files of services, some more files, and all that these import. */
export function indexDescriptors(
  services: readonly DescService[],
  others: readonly DescFile[],
): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescFile>>();
  const encoded = new Map<DescFile, Uint8Array>();
  for (const file of withImports([...services.map(({ file }) => file), ...others])) {
    files.set(file.proto.name, file);
    for (const name of namesIn(file)) symbols.set(name, file);
    for (const { extendee, number } of file.extensions) {
      const numbers = extensions.get(extendee.typeName) ?? new Map<number, DescFile>();
      extensions.set(extendee.typeName, numbers.set(number, file));
    }
  }
  return { files, symbols, extensions, encode: (file) => [...withImports([file])].map(encodeOne) };

  function encodeOne(file: DescFile): Uint8Array {
    const bytes = encoded.get(file) ?? toBinary(FileDescriptorProtoSchema, file.proto);
    encoded.set(file, bytes);
    return bytes;
  }
}

/** Collects files and all that they import, each once and after what it imports. */
function withImports(files: readonly DescFile[], found = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (found.has(file)) continue;
    withImports(file.dependencies, found);
    found.add(file);
  }
  return found;
}

function namesIn({ messages, enums, services, extensions }: DescFile): string[] {
  return [
    ...messages.flatMap(namesOf),
    ...enums.map(({ typeName }) => typeName),
    ...services.flatMap(({ typeName, methods }) => [
      typeName,
      ...methods.map(({ name }) => `${typeName}.${name}`),
    ]),
    ...extensions.map(({ typeName }) => typeName),
  ];
}

function namesOf({ typeName, fields, nestedMessages, nestedEnums }: DescMessage): string[] {
  return [
    typeName,
    ...fields.map(({ name }) => `${typeName}.${name}`),
    ...nestedEnums.map((nested) => nested.typeName),
    ...nestedMessages.flatMap(namesOf),
  ];
}
