import { describeClient } from "./clients-languages.ts";
import { hasFor } from "./clients-rig.ts";

// Fails with a Go that is too old and does not fetch a newer one by itself.
const command = "cd examples/clients/go && go list -m";
describeClient("go", hasFor("the Go client", "Go 1.24", command));
