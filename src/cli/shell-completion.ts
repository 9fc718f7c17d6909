import type { Command } from "./command.ts";

/** The shells that completion is there for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** Makes the script that has a shell complete commands, options and the values that options may have. */
export function completionScript(shell: string, commands: readonly Command[]): string {
  const first = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name))];
  const groups = first.filter((word) => commands.some(({ name }) => name.startsWith(`${word} `)));
  return shell === "fish" ? fishScript(commands, first, groups) : bashScript(shell, commands, first, groups);
}

/** In zsh, the words of bash are made by zsh's own emulation of its completion. */
function bashScript(shell: string, commands: readonly Command[], first: string[], groups: string[]): string {
  const begin =
    shell === "zsh"
      ? "autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n"
      : "";
  return `${begin}_pigeonhole() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words="" name="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) name="\${name:+$name }$word" ;; esac
  done
  case "$name" in
    ${groups.map((group) => `"${group} "*) name="\${name#${group} }"; name="${group} \${name%% *}" ;;`).join("\n    ")}
    ${groups.map((group) => `"${group}"`).join("|")}) ;;
    *) name="\${name%% *}" ;;
  esac
  case "$name $previous" in
${valueCases(commands)}  esac
  if [ -z "$words" ]; then
    case "$name" in
      "") words="${first.join(" ")} help --help --version" ;;
${[...groups].map((group) => `      "${group}") words="${secondWords(commands, group).join(" ")}" ;;\n`).join("")}${commands
  .map(({ name, options }) => `      "${name}") words="${optionNames(options).join(" ")}" ;;\n`)
  .join("")}    esac
    case "$current" in -*) ;; *) [ -n "$name" ] && case "$words" in -*) words="" ;; esac ;; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pigeonhole pigeonhole
`;
}

function valueCases(commands: readonly Command[]): string {
  return commands
    .flatMap(({ name, options }) =>
      Object.entries(options).flatMap(([option, { choices }]) =>
        choices === undefined ? [] : [`    "${name} --${option}") words="${choices.join(" ")}" ;;\n`],
      ),
    )
    .join("");
}

function fishScript(commands: readonly Command[], first: string[], groups: string[]): string {
  const lines = [
    "complete -c pigeonhole -f",
    ...first.map((word) => fishLine("__fish_use_subcommand", `-a ${word}`)),
  ];
  for (const group of groups) {
    const words = secondWords(commands, group);
    const condition = `__fish_seen_subcommand_from ${group}; and not __fish_seen_subcommand_from ${words.join(" ")}`;
    lines.push(...words.map((word) => fishLine(condition, `-a ${word}`)));
  }
  for (const { name, options } of commands) {
    const condition = name
      .split(" ")
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join("; and ");
    for (const [option, { type, summary, choices }] of Object.entries(options)) {
      const value =
        type === "boolean" ? "" : ` -r${choices === undefined ? "" : ` -f -a '${choices.join(" ")}'`}`;
      lines.push(fishLine(condition, `-l ${option}${value} -d '${summary.replaceAll("'", "\\'")}'`));
    }
  }
  return `${lines.join("\n")}\n`;
}

function fishLine(condition: string, rest: string): string {
  return `complete -c pigeonhole -n '${condition}' ${rest}`;
}

function secondWords(commands: readonly Command[], group: string): string[] {
  return commands
    .filter(({ name }) => name.startsWith(`${group} `))
    .map(({ name }) => name.slice(group.length + 1));
}

function optionNames(options: object): string[] {
  return Object.keys(options).map((name) => `--${name}`);
}
