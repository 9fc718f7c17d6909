import { defineCommand } from "../command.ts";
import { completionScript, shells } from "../shell-completion.ts";
import { didYouMean } from "../suggest.ts";
import { UsageError } from "../usage-error.ts";

export const completion = defineCommand({
  name: "completion",
  args: "SHELL",
  summary: `Print the script by which a shell completes commands and options: ${shells.join(", ")}.`,
  details: `bash: echo 'source <(pigeonhole completion bash)' >> ~/.bashrc
zsh:  echo 'source <(pigeonhole completion zsh)' >> ~/.zshrc
fish: pigeonhole completion fish > ~/.config/fish/completions/pigeonhole.fish`,
  options: {},
  async run({ args: [shell = ""], output }) {
    if (!shells.some((known) => known === shell)) {
      throw new UsageError(
        `completion is there for ${shells.join(", ")}, not ${JSON.stringify(shell)}${didYouMean(shell, shells)}`,
      );
    }
    // Loaded here, because the table of all commands has this one in it.
    const { commands } = await import("../commands.ts");
    const script = completionScript(shell, commands);
    await output.show({ shell, script }, () => script);
    return 0;
  },
});
