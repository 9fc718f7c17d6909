import { readdirSync } from "node:fs";
import { type DescFile, type DescMethod, getOption } from "@bufbuild/protobuf";
import { type FieldRules, rules } from "../../../src/proto.ts";

const generated = new URL("../../../gen/", import.meta.url);

/** Finds every RPC of every service that there is generated code for, so that a new one is among them by itself. */
export async function findRpcs(): Promise<DescMethod[]> {
  const files = readdirSync(generated, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith("_pb.js"),
  );
  const found = await Promise.all(
    files.map(async (file): Promise<DescMethod[]> => {
      const exported: Record<string, unknown> = await import(new URL(file, generated).href);
      return Object.values(exported)
        .filter(isFile)
        .flatMap(({ services }) => services.flatMap(({ methods }) => methods));
    }),
  );
  return found.flat();
}

function isFile(exported: unknown): exported is DescFile {
  return typeof exported === "object" && exported !== null && "kind" in exported && exported.kind === "file";
}

/** Gives the bounds that the proto declares for a field. */
export function rulesOf(field: DescMethod["input"]["fields"][number]): FieldRules | undefined {
  const found = getOption(field, rules);
  return field.proto.options === undefined ? undefined : found;
}

/** Gives the path of an RPC. */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`;
}
