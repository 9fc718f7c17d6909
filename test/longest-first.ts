import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest, longest first: the names of files. Others take ten seconds at most. */
const longest = [
  "cli-tasks",
  "sqlite-store",
  "cli-watch",
  "cli-token",
  "service-wait",
  "bad-input",
  "grpc-js",
  "example-language-model",
];

/**
 * Begins with what takes longest, so that the processes end together. Where no run has left its times, as in a fresh clone, the order is that
 * of the files' sizes, and some that are small run for long.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const isOf = (name: string) => (file: TestSpecification) => file.moduleId.endsWith(`/${name}.test.ts`);
    const first = longest.flatMap((name) => rest.filter(isOf(name)));
    return [...first, ...rest.filter((file) => !first.includes(file))];
  }
}
