import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeClient } from "./clients-languages.ts";
import { hasFor } from "./clients-rig.ts";
import { root } from "./readme-code.ts";
import { tempDir } from "./temp-dir.ts";

// Fails with a Go that is too old and does not fetch a newer one by itself.
const command = "cd examples/clients/go && go list -m";
describeClient("go", hasFor("the Go client", "Go 1.24", command), {
  http2: false,
  commands(attempts, seconds) {
    const [folder, temporary] = [join(root, "examples/clients/go"), tempDir()];
    const follow = readFileSync(join(folder, "follow.go"), "utf8")
      .replace(/(?<=maxAttempts = )\d+/, String(attempts))
      .replace(/(?<=silence = )\d+ \* time\.Second/, `${seconds * 1000} * time.Millisecond`);
    writeFileSync(join(temporary, "follow.go"), follow);
    const files = {
      [join(folder, "main.go")]: join(root, "test/clients-follow/main.go"),
      [join(folder, "follow.go")]: join(temporary, "follow.go"),
      [join(folder, "conversation.go")]: "",
    };
    const overlay = join(temporary, "overlay.json");
    writeFileSync(overlay, JSON.stringify({ Replace: files }));
    return `cd examples/clients/go\ngo run -overlay ${overlay} . http://127.0.0.1:8080`;
  },
});
