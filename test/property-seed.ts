import { configureGlobal } from "fast-check";

/**
 * What the property tests that import this begin with: always the same, so that a run says what the one before said. Set MODEL_SEED for
 * others; `FAULTS=long npm run test:faults` has a new one each time.
 */
export const propertySeed = Number(process.env.MODEL_SEED ?? 1);

configureGlobal({ seed: propertySeed });
