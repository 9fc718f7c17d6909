import { Role, type Token } from "../../client/index.ts";
import { type Command, defineCommand, type Values } from "../command.ts";
import { connect, serverOptions } from "../connect.ts";
import { fieldsText, timeText } from "../describe.ts";
import { type Output, take } from "../output.ts";
import { clean } from "../style.ts";
import { tokenJson } from "../to-json.ts";
import type { TokenKeeper } from "../token-keeper.ts";
import { choiceOf, choicesOf, parseDuration, parseLimit } from "../values.ts";

const keeperOptions = {
  store: {
    type: "string",
    value: "url",
    summary:
      "Work straight on this store, sqlite:PATH, while no server has it open. Default: ask the server.",
  },
  ...serverOptions,
} as const;

const tokenCreate = defineCommand({
  name: "token create",
  args: "PRINCIPAL",
  summary: "Make a token for a principal.",
  details:
    "Prints the secret that its bearer sends. It is told here and never again. The first one, for an admin, is made with --store.",
  options: {
    role: {
      type: "string",
      value: "role",
      choices: choicesOf(Role),
      summary: `What its bearer may do: ${choicesOf(Role).join(", ")}. Default client.`,
    },
    ttl: {
      type: "string",
      value: "time",
      summary: "How long it is good for, as in 30d. Default: until revoked.",
    },
    description: { type: "string", value: "text", summary: "What it is for." },
    ...keeperOptions,
  },
  async run({ args: [principal = ""], values, output }) {
    const { role, ttl, description } = values;
    const keeper = await keeperOf(values);
    const { token, secret } = await keeper.create({
      principal,
      ...(role !== undefined && { role: choiceOf<Role>(Role, role) }),
      ...(ttl !== undefined && { ttl: parseDuration("ttl", ttl) }),
      ...(description !== undefined && { description }),
    });
    await output.show({ token: tokenJson(token), secret }, () => tokenText(token, secret, output));
    return 0;
  },
});

const tokenList = defineCommand({
  name: "token list",
  args: "",
  summary: "List tokens, oldest first, without their secrets.",
  options: {
    principal: { type: "string", value: "principal", summary: "Only tokens of this principal." },
    limit: { type: "string", value: "number", summary: "How many to show, or all. Default 100." },
    ...keeperOptions,
  },
  async run({ values, output }) {
    const { principal } = values;
    const keeper = await keeperOf(values);
    const found = keeper.list({ ...(principal !== undefined && { principal }) });
    const heading = ["token", "principal", "role", "created", "expires", "description"];
    await output.table(take(found, parseLimit(values.limit)), tokenJson, heading, (token) => [
      token.id,
      token.principal,
      roleText(token),
      timeText(token.createTime),
      timeText(token.expireTime),
      token.description,
    ]);
    return 0;
  },
});

const tokenRevoke = defineCommand({
  name: "token revoke",
  args: "TOKEN",
  summary: "Revoke a token, by its id: calls with it fail from now on, and its subscriptions end.",
  options: keeperOptions,
  async run({ args: [id = ""], values, output }) {
    const keeper = await keeperOf(values);
    await keeper.revoke(id);
    await output.show({ tokenId: id, revoked: true }, () => `${clean(id)} revoked\n`);
    return 0;
  },
});

export const tokenCommands: readonly Command[] = [tokenCreate, tokenList, tokenRevoke];

/** Opens what keeps the tokens. The server's code is loaded for a store alone. */
async function keeperOf(values: Values<typeof keeperOptions>): Promise<TokenKeeper> {
  if (values.store === undefined) return connect(values).tokens;
  return (await import("../store-tokens.ts")).createStoreTokens(values.store);
}

function tokenText(token: Token, secret: string, { paint }: Output): string {
  return fieldsText(paint, [
    ["token", clean(token.id)],
    ["principal", clean(token.principal)],
    ["role", roleText(token)],
    ["description", token.description === "" ? undefined : clean(token.description)],
    ["expires", token.expireTime && timeText(token.expireTime)],
    ["secret", clean(secret)],
  ]);
}

function roleText({ role }: Token): string {
  return Role[role].toLowerCase();
}
