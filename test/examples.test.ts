import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "./readme-code.ts";

const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));

describe("the examples", () => {
  it.each(examples)(
    "have a test, a place in the table, and say what they show and how to run them: %s",
    (file) => {
      const name = file.replace(/\.ts$/, "");
      expect(existsSync(join(root, "test", `example-${name}.test.ts`))).toBe(true);
      expect(readFileSync(join(root, "examples/README.md"), "utf8")).toContain(`| [${name}](${file}) `);
      const comment = /^(\/\/.*\n)+/.exec(readFileSync(join(root, "examples", file), "utf8"))?.[0] ?? "";
      expect(comment).toMatch(/^\/\/ Shows /);
      expect(comment.replaceAll("\n// ", " ")).toContain(
        name === "greeter" ? "`npm start`" : `npm start -- examples/${file}`,
      );
    },
  );
});
