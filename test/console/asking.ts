import { expect, it, onTestFinished } from "vitest";
import { startAuthRig } from "../auth-rig.ts";
import type { ConsoleRig } from "../console-rig.ts";

/** The console of a server that asks who calls. */
export function asking({ open }: ConsoleRig, folder: () => string): void {
  it("asks for a token when the server does, and keeps it in its tab", async () => {
    const rig = await startAuthRig({ console: folder() });
    onTestFinished(() => rig[Symbol.asyncDispose]());
    await rig.as.alice.tasks.create({ agent: "clerk", name: "hers" });
    await rig.as.bob.tasks.create({ agent: "clerk", name: "his" });
    // The browser notes each call that is refused.
    const page = await open(rig.url, { tolerates: [/401/] });
    const dialog = page.getByRole("dialog", { name: "Who are you?" });
    await dialog.waitFor();
    await dialog.getByLabel("Token").fill("pgh_wrong");
    await dialog.getByRole("button", { name: "Go on" }).click();
    await dialog.getByText("not one of this server's").waitFor();
    await dialog.getByLabel("Token").fill("pgh_with\u200ba_space_of_no_width");
    await dialog.getByRole("button", { name: "Go on" }).click();
    expect(await dialog.getByLabel("Token").evaluate((field) => field.matches(":invalid"))).toBe(true);
    await dialog.getByLabel("Token").fill(rig.tokens.alice);
    await page.keyboard.press("Enter");
    await page.locator(".task-name", { hasText: "hers" }).click();
    await page.getByRole("heading", { level: 1, name: "hers" }).waitFor();
    await page.locator(".connection-live").waitFor();
    await page.reload();
    await page.locator(".connection-live").waitFor();
    expect(await page.evaluate(() => [sessionStorage.length, JSON.stringify(localStorage)])).toEqual([
      1,
      "{}",
    ]);
  });
}
