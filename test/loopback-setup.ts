import { afterAll, afterEach, expect } from "vitest";
import { takeAttempts } from "./loopback-only.ts";

const check = () => expect(takeAttempts()).toEqual([]);
afterEach(check);
afterAll(check);
