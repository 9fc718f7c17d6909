import { create, createFileRegistry, fromBinary, getOption } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, describe, expect, it } from "vitest";
import * as v1 from "../gen/grpc/reflection/v1/reflection_pb.js";
import * as v1alpha from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import {
  AgentService,
  rules,
  ScheduleService,
  TaskService,
  TokenService,
  WebhookService,
} from "../src/proto.ts";
import { operationServices } from "../src/server/operations.ts";
import { startServer } from "./service-server.ts";

const server = await startServer();
afterAll(() => server.close());
const transport = createGrpcTransport({ baseUrl: server.url });
const versions = {
  v1: createClient(v1.ServerReflection, transport),
  v1alpha: createClient(v1alpha.ServerReflection, transport),
};
type Question =
  | {
      case: "fileByFilename" | "fileContainingSymbol" | "allExtensionNumbersOfType" | "listServices";
      value: string;
    }
  | { case: "fileContainingExtension"; value: { containingType: string; extensionNumber: number } }
  | { case: undefined };

/** Asks questions on one stream, and gives the answers. */
async function ask(version: keyof typeof versions, ...questions: Question[]) {
  async function* requests() {
    for (const messageRequest of questions) yield { host: "here", messageRequest };
  }
  const answers = [];
  for await (const answer of versions[version].serverReflectionInfo(requests())) answers.push(answer);
  return answers.map(({ messageResponse, originalRequest, validHost }, index) => {
    expect(validHost).toBe("here");
    expect(originalRequest?.messageRequest).toMatchObject({ case: questions[index]?.case });
    return messageResponse;
  });
}

const symbol = (value: string): Question => ({ case: "fileContainingSymbol", value });

/** Asks for the file of a name, and makes a registry of what comes. */
async function reflect(name: string) {
  const [answer] = await ask("v1", symbol(name));
  if (answer?.case !== "fileDescriptorResponse") throw new Error(`no file of ${name}`);
  const file = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  return createFileRegistry(create(FileDescriptorSetSchema, { file }));
}

describe("server reflection", () => {
  const own = [TaskService, AgentService, ScheduleService, TokenService, WebhookService];

  it.each(["v1", "v1alpha"] as const)("%s lists every service that the server has", async (version) => {
    const [answer] = await ask(version, { case: "listServices", value: "" });
    if (answer?.case !== "listServicesResponse") throw new Error("no list");
    const names = answer.value.service.map(({ name }) => name);
    expect(names.sort()).toEqual([...own, ...operationServices].map(({ typeName }) => typeName).sort());
  });

  it.each(own)("describes $typeName as its proto does, with the rules of its fields", async (service) => {
    const registry = await reflect(service.typeName);
    const reflected = registry.getService(service.typeName);
    expect(reflected?.methods.map(({ name, methodKind }) => [name, methodKind])).toEqual(
      service.methods.map(({ name, methodKind }) => [name, methodKind]),
    );
    for (const { input } of service.methods) {
      const twin = registry.getMessage(input.typeName);
      expect(twin?.fields.map((field) => getOption(field, rules))).toEqual(
        input.fields.map((field) => getOption(field, rules)),
      );
    }
  });

  it("finds methods, fields, nested types, details of errors, files and extensions", async () => {
    const names = [
      "google.rpc.ErrorInfo",
      "google.rpc.BadRequest.FieldViolation",
      "google.rpc.Status.details",
    ];
    for (const name of [...names, "pigeonhole.v1.TaskService.SendEvent", "pigeonhole.v1.TaskState"])
      expect((await reflect(name)).files).toBeDefined();
    const extended = "google.protobuf.FieldOptions";
    const [file, extension, numbers] = await ask(
      "v1alpha",
      { case: "fileByFilename", value: "google/rpc/status.proto" },
      {
        case: "fileContainingExtension",
        value: { containingType: extended, extensionNumber: rules.number },
      },
      { case: "allExtensionNumbersOfType", value: extended },
    );
    expect([file?.case, extension?.case]).toEqual(Array(2).fill("fileDescriptorResponse"));
    expect(numbers).toMatchObject({ value: { baseTypeName: extended, extensionNumber: [rules.number] } });
  });

  it("answers that something is not there, and goes on", async () => {
    const answers = await ask(
      "v1",
      symbol("pigeonhole.v1.Nothing"),
      symbol("__proto__"),
      { case: "fileByFilename", value: "../secret.proto" },
      { case: undefined },
      { case: "listServices", value: "*" },
    );
    const codes = answers.map(({ case: kind, value }) => (kind === "errorResponse" ? value.errorCode : kind));
    expect(codes).toEqual([5, 5, 5, 3, "listServicesResponse"]);
  });

  it("ends with the server", async () => {
    // This caller never ends its side, and is cut off then.
    const short = await startServer({ drain: 300 });
    const { serverReflectionInfo } = createClient(
      v1.ServerReflection,
      createGrpcTransport({ baseUrl: short.url }),
    );
    const silent = Promise.withResolvers<void>();
    async function* requests() {
      yield { messageRequest: symbol("google.rpc.Status") };
      await silent.promise;
    }
    const answers = serverReflectionInfo(requests())[Symbol.asyncIterator]();
    await answers.next();
    const end = expect(answers.next()).rejects.toThrow(/stopping/);
    await short.close();
    await end;
    silent.resolve();
  });
});
