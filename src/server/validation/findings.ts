import type { FieldViolation } from "../errors.ts";

/** The most violations that are told at once. */
const maxViolations = 16;
/** The most characters of one name or key that a path repeats. */
const maxSegment = 64;
/** The most characters of a path: sixteen of them must fit into a header of gRPC. */
const maxPath = 256;

/** One step of a path: a field or a key of a JSON object, an index of a list, or a key of a map. */
export type Segment = string | number | { key: string };

/** Bounds of the operator's, which hold where the proto's are larger. */
export interface ContentBounds {
  /** The most parts of an event. */
  maxParts: number;
  /** How deep JSON may be nested. */
  maxDepth: number;
}

const noBounds: ContentBounds = {
  maxParts: Number.POSITIVE_INFINITY,
  maxDepth: Number.POSITIVE_INFINITY,
};

/** What is wrong with one message, and where in it the check is. */
export class Findings {
  readonly violations: FieldViolation[] = [];
  readonly bounds: ContentBounds;
  readonly #path: Segment[] = [];

  constructor(bounds = noBounds) {
    this.bounds = bounds;
  }

  /** Whether nothing more will be taken, so that checking on is of no use. */
  get full(): boolean {
    return this.violations.length >= maxViolations;
  }

  /** Steps into a field, an element or an entry. Paired with `leave`. */
  enter(segment: Segment): void {
    this.#path.push(segment);
  }

  leave(): void {
    this.#path.pop();
  }

  /** Notes what is wrong with a part of the value that the check is at, or with that value itself. */
  add(description: string, segment?: Segment): void {
    if (this.full) return;
    const path = segment === undefined ? this.#path : [...this.#path, segment];
    this.violations.push({ field: formatPath(path), description });
  }
}

/** Formats a path as in `parts[0].text`, `labels["k"]`, `params.a["b c"]`. */
function formatPath(path: Segment[]): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (typeof segment === "string" && isIdentifier(segment))
      text += text === "" ? segment : `.${segment}`;
    else text += `[${JSON.stringify(shorten(typeof segment === "string" ? segment : segment.key))}]`;
  }
  return text.length > maxPath ? `${text.slice(0, maxPath).toWellFormed()}…` : text;
}

function isIdentifier(name: string): boolean {
  return name.length <= maxSegment && /^[A-Za-z_$][\w$]*$/.test(name);
}

function shorten(key: string): string {
  return key.length > maxSegment ? `${key.slice(0, maxSegment)}…` : key;
}
