import { type FormEvent, useState, useSyncExternalStore } from "react";
import { keepToken, tokenRequest } from "../token.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";

/** Asks for a token when the server does. */
export function TokenDialog() {
  const reason = useSyncExternalStore(tokenRequest.subscribe, tokenRequest.get);
  const [token, setToken] = useState("");
  if (reason === undefined) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (token.trim() !== "") keepToken(token.trim());
  };
  return (
    <Dialog title="Who are you?" onClose={tokenRequest.dismiss}>
      <form onSubmit={submit}>
        <p>The server asks for a token: {reason}.</p>
        <Field label="Token" hint="It is kept in this tab, until that is closed.">
          <input
            type="password"
            autoComplete="off"
            spellCheck={false}
            required
            // A header holds no others: no call at all could be made with it.
            pattern="\s*[!-~]+\s*"
            title="Letters, digits and signs of ASCII, without spaces"
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </Field>
        <footer className="actions end">
          <button type="submit" className="solid">
            Go on
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
