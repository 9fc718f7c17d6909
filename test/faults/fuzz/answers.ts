import { Code } from "@connectrpc/connect";
import { hasErrorInfo } from "../../../src/server/connect-error.ts";
import { codes } from "../../../src/server/error-codes.ts";
import { type RawResponse, reasonOf } from "../../http-rig.ts";
import type { RpcInput } from "./rpc-inputs.ts";

const innards = /\n\s+at |\.[jt]s:\d|node_modules|sqlite|SQLITE/;

/**
 * Judges the answer to an RPC: it is a success, or an error with one ErrorInfo of this server, the code that its reason has, and not a
 * word of how the server is made; never INTERNAL or UNKNOWN. Gives the reason, or OK; throws what is wrong.
 */
export function judge({ format }: RpcInput, answer: RawResponse): string {
  const broken = answer.headers.get("broken");
  if (broken !== null) throw new Error(broken);
  const error = format.errorOf(answer);
  if (error === undefined) return "OK";
  const code = Code[error.code];
  if (!hasErrorInfo(error)) throw new Error(`${code} without ErrorInfo: ${error.rawMessage}`);
  const reason = reasonOf(error) ?? "";
  const expected = Object.entries(codes).find(([name]) => name === reason)?.[1];
  if (expected !== error.code) throw new Error(`${reason} with the code ${code}`);
  if (error.code === Code.Internal || error.code === Code.Unknown)
    throw new Error(`${code}: ${error.rawMessage}`);
  if (innards.test(error.rawMessage)) throw new Error(`tells of its innards: ${error.rawMessage}`);
  return reason;
}
