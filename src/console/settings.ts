import { useSyncExternalStore } from "react";

/** What the browser remembers of somebody's choices. */
export interface Setting<T extends string> {
  get(): T;
  set(value: T): void;
  subscribe(onChange: () => void): () => void;
}

/** Makes a setting that is kept in the browser. The first value is the default. */
export function createSetting<const T extends string>(
  name: string,
  values: readonly [T, ...T[]],
): Setting<T> {
  const listeners = new Set<() => void>();
  const key = `pigeonhole.${name}`;
  let current = values.find((value) => value === localStorage.getItem(key)) ?? values[0];
  return {
    get: () => current,
    set(value) {
      current = value;
      localStorage.setItem(key, value);
      for (const listener of listeners) listener();
    },
    subscribe(onChange) {
      listeners.add(onChange);
      return () => listeners.delete(onChange);
    },
  };
}

export function useSetting<T extends string>(setting: Setting<T>): T {
  return useSyncExternalStore(setting.subscribe, setting.get);
}

/** Light, dark, or what the system says. */
export const theme = createSetting("theme", ["system", "light", "dark"]);

/** Whether single keys are shortcuts. Some people speak to their computer, to which every letter is a key. */
export const singleKeys = createSetting("single-keys", ["on", "off"]);

/** Shows the page in the chosen theme, now and when that changes. */
export function applyTheme(): void {
  const apply = () => {
    document.documentElement.dataset.theme = theme.get();
  };
  apply();
  theme.subscribe(apply);
}

/** Goes to the next of system, light and dark. */
export function nextTheme(): void {
  theme.set(({ system: "light", light: "dark", dark: "system" } as const)[theme.get()]);
}
