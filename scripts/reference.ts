// Writes docs/reference.md from the comments of the proto. With --check, tells whether it is what would be written.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescOneof,
  type DescService,
  fromBinary,
  ScalarType,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

const page = new URL("../docs/reference.md", import.meta.url);
/** The services in the order in which somebody meets them. */
const order = ["TaskService", "AgentService", "ScheduleService", "WebhookService", "TokenService"];

const files = readFiles();
const services = files
  .flatMap((file) => file.services)
  .sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
const methods = services.flatMap((service) => service.methods);
const ofCalls = new Set(methods.flatMap(({ input, output }) => [input.typeName, output.typeName]));
const resources = files
  .flatMap((file) => file.messages)
  .filter(({ typeName }) => !ofCalls.has(typeName))
  .filter(({ name }) => name !== "FieldRules")
  .sort((a, b) => a.name.localeCompare(b.name));
const enums = files.flatMap((file) => file.enums).sort((a, b) => a.name.localeCompare(b.name));
/** What has a heading of its own, for others to link to. */
const headed = new Set([...resources, ...enums].map(({ typeName }) => typeName));

const text = render();
if (!process.argv.includes("--check")) {
  writeFileSync(page, text);
} else if (readFileSync(page, "utf8") !== text) {
  console.error("docs/reference.md is not what the proto says: npm run generate");
  process.exitCode = 1;
}

/** Builds the proto, and gives the files of its package. */
function readFiles(): DescFile[] {
  const { status, stdout } = spawnSync("buf", ["build", "--as-file-descriptor-set", "-o", "-"], {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error("buf build failed");
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
  return [...registry.files].filter((file) => file.proto.package === "pigeonhole.v1");
}

function render(): string {
  const contents = services.map(
    ({ name, methods }) => `**[${name}](#${name.toLowerCase()})**: ${methods.map(linkTo).join(", ")}`,
  );
  const blocks = [
    "# The protocol reference",
    "<!-- Written by scripts/reference.ts from proto/pigeonhole/v1: change the comments there. -->",
    "All services, messages and enums of `pigeonhole.v1`, as the comments of the proto say it. [The protocol](protocol.md) shows them at" +
      " work. Fields have their proto names here; in JSON they are camelCase: `task_id` is `taskId`. A field that is at its default is" +
      " left out there.",
    ...contents,
    `**[Messages](#messages)**: ${resources.map(linkTo).join(", ")}`,
    `**[Enums](#enums)**: ${enums.map(linkTo).join(", ")}`,
    ...services.flatMap(serviceBlocks),
    "## Messages",
    ...resources.flatMap((message) => [
      `### ${message.name}`,
      commentOf(message),
      ...fieldBlocks(message, "It has no fields."),
    ]),
    "## Enums",
    ...enums.flatMap((desc) => [`### ${desc.name}`, commentOf(desc), valueTable(desc)]),
  ];
  return `${blocks.join("\n\n")}\n`;
}

function serviceBlocks(service: DescService): string[] {
  return [
    `## ${service.name}`,
    commentOf(service),
    `\`/${service.typeName}/\``,
    ...service.methods.flatMap(methodBlocks),
  ];
}

function methodBlocks(method: DescMethod): string[] {
  const { input, output, methodKind, idempotency } = method;
  const reads = idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS && methodKind === "unary";
  const streams = methodKind === "server_streaming";
  return [
    `### ${method.name}`,
    commentOf(method),
    ...(reads ? ["It only reads: over Connect it may also be a GET."] : []),
    `The request, \`${input.name}\`: ${withoutName(input)}`.trim(),
    ...fieldBlocks(input, "It has no fields."),
    `${streams ? "Each element of the stream" : "The response"}, \`${output.name}\`: ${withoutName(output)}`.trim(),
    ...fieldBlocks(output, "It has no fields."),
  ].map((block) => block.replace(/:$/, ""));
}

/** What the comment of a request or a response says besides that it is one. */
function withoutName(message: DescMessage): string {
  return commentOf(message).replace(
    /^(The (request|response) of \w+|One element of the stream of \w+)\.\s*/,
    "",
  );
}

function fieldBlocks(message: DescMessage, none: string): string[] {
  if (message.fields.length === 0) return [none];
  const rows = message.members.flatMap((member) =>
    member.kind === "oneof"
      ? [
          row(`one of \`${member.name}\``, "", cellOf(member)),
          ...member.fields.map((field) => fieldRow(field, "• ")),
        ]
      : [fieldRow(member)],
  );
  return [[row("field", "type", "what it says"), "| --- | --- | --- |", ...rows].join("\n")];
}

function fieldRow(field: DescField, indent = ""): string {
  return row(`${indent}\`${field.name}\``, typeOf(field), cellOf(field));
}

function valueTable(desc: DescEnum): string {
  const rows = desc.values.map((value) =>
    row(
      `\`${value.name}\``,
      String(value.number),
      inline(commentAt(desc.file, [...pathOf(desc), 2, desc.values.indexOf(value)])),
    ),
  );
  return [row("value", "number", "what it says"), "| --- | --- | --- |", ...rows].join("\n");
}

function row(...cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** Names the type of a field, with a link where there is more to say. */
function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case "list":
      return `list of ${elementOf(field)}`;
    case "map":
      return `map from ${scalar(field.mapKey)} to ${elementOf(field)}`;
    default:
      return elementOf(field);
  }
}

function elementOf(field: DescField): string {
  if (field.message) return typeLink(field.message);
  if (field.enum) return typeLink(field.enum);
  return field.scalar === undefined ? "" : scalar(field.scalar);
}

function typeLink(desc: DescMessage | DescEnum): string {
  return headed.has(desc.typeName) ? linkTo(desc) : `\`${desc.typeName}\``;
}

function scalar(type: ScalarType): string {
  return `\`${ScalarType[type].toLowerCase()}\``;
}

function linkTo({ name }: { name: string }): string {
  return `[${name}](#${name.toLowerCase()})`;
}

function cellOf(desc: DescField | DescOneof): string {
  return inline(commentOf(desc));
}

/** Brings a comment into the cell of a table. */
function inline(comment: string): string {
  return comment.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");
}

/** The comment in front of something, its paragraphs apart and each in one line. */
function commentOf(desc: DescMessage | DescEnum | DescField | DescOneof | DescService | DescMethod): string {
  const file =
    desc.kind === "field" || desc.kind === "oneof" || desc.kind === "rpc" ? desc.parent?.file : desc.file;
  return file === undefined ? "" : commentAt(file, pathOf(desc));
}

function commentAt(file: DescFile, path: number[]): string {
  const locations = file.proto.sourceCodeInfo?.location ?? [];
  const { leadingComments = "" } = locations.find((location) => location.path.join() === path.join()) ?? {};
  const paragraphs = leadingComments.split(/\n\s*\n/);
  return paragraphs
    .map((paragraph) => paragraph.replaceAll(/\s*\n\s*/g, " ").trim())
    .join("\n\n")
    .trim();
}

/** Where something stands in its file: the field numbers and indexes of descriptor.proto that lead to it. */
function pathOf(desc: DescMessage | DescEnum | DescField | DescOneof | DescService | DescMethod): number[] {
  switch (desc.kind) {
    case "message":
      return [4, desc.file.proto.messageType.indexOf(desc.proto)];
    case "enum":
      return [5, desc.file.proto.enumType.indexOf(desc.proto)];
    case "service":
      return [6, desc.file.proto.service.indexOf(desc.proto)];
    case "rpc":
      return [...pathOf(desc.parent), 2, desc.parent.proto.method.indexOf(desc.proto)];
    case "field":
      return [...pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto)];
    case "oneof":
      return [...pathOf(desc.parent), 8, desc.parent.proto.oneofDecl.indexOf(desc.proto)];
  }
}
