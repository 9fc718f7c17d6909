import { expect, it } from "vitest";
import type { TokenRecord } from "../../src/server/store/token-records.ts";
import { at, reasonOf, type Scene } from "./scene.ts";

export function describeTokens(scene: () => Scene): void {
  const token = ({ id }: Scene, name: string, args: Partial<TokenRecord> = {}): TokenRecord => ({
    ...{
      id: id(name),
      digest: id(`${name}-digest`),
      principal: id("alice"),
      role: "client",
      createTime: at(0),
    },
    ...args,
  });
  const maxTokens = 1e6;

  it("createToken keeps all that it is told, up to a limit", async () => {
    const here = scene();
    const { store } = here;
    const whole = token(here, "a", { role: "admin", description: "for the tests", expireTime: at(5) });
    expect(await store.createToken({ token: whole, maxTokens })).toEqual(whole);
    expect((await store.readTokens()).tokens).toContainEqual(whole);
    const more = store.createToken({ token: token(here, "b"), maxTokens: 1 });
    expect(await reasonOf(more)).toBe("LIMIT_REACHED");
  });

  it("listTokens goes by age, page by page, through those of a principal", async () => {
    const here = scene();
    const { store, id } = here;
    for (const [name, time] of [
      ["c", 1],
      ["b", 1],
      ["a", 2],
    ] as const) {
      await store.createToken({ token: token(here, name, { createTime: at(time) }), maxTokens });
    }
    await store.createToken({ token: token(here, "d", { principal: id("bob") }), maxTokens });
    const page = { principal: id("alice"), limit: 2 };
    const first = await store.listTokens(page);
    expect([here.names(first.items), first.more]).toEqual([["b", "c"], true]);
    const rest = await store.listTokens({ ...page, after: { createTime: at(1), id: id("c") } });
    expect([here.names(rest.items), rest.more]).toEqual([["a"], false]);
    expect((await store.listTokens({ limit: 1e6 })).items.length).toBeGreaterThan(3);
  });

  it("revokeToken forgets a token, once", async () => {
    const here = scene();
    const { store, id } = here;
    await store.createToken({ token: token(here, "a"), maxTokens });
    await store.revokeToken(id("a"));
    expect((await store.listTokens({ principal: id("alice"), limit: 10 })).items).toEqual([]);
    expect(await reasonOf(store.revokeToken(id("a")))).toBe("TOKEN_NOT_FOUND");
  });

  it("readTokens tells all, and nothing when none has changed", async () => {
    const here = scene();
    const { store } = here;
    const { revision } = await store.readTokens();
    expect(await store.readTokens(revision)).toEqual({ revision });
    await store.createToken({ token: token(here, "a"), maxTokens });
    const made = await store.readTokens(revision);
    expect(made.revision).toBeGreaterThan(revision);
    expect(made.tokens).toContainEqual(token(here, "a"));
    await store.revokeToken(here.id("a"));
    expect((await store.readTokens(made.revision)).tokens).not.toContainEqual(token(here, "a"));
  });

  it("signingKey is the first that was proposed", async () => {
    const { store } = scene();
    const first = await store.signingKey(new Uint8Array([1, 2, 3]));
    expect(await store.signingKey(new Uint8Array([4, 5, 6]))).toEqual(first);
  });
}
