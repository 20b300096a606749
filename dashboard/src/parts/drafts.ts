/**
 * What a person has typed and not sent, kept in this tab: a page that has to be loaded again (a session that ended, a new
 * version) gives it back to the same person. Signing out forgets it.
 */
import { useCallback, useState } from "react";
import { useMe } from "../app/me";

const PREFIX = "watchfloor-draft ";

function remember(key: string, text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch {
    // no room, or not allowed: then it is not kept
  }
}

function remembered(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** A text that survives loading the page anew: [text, change it, forget it]. */
export function useDraft(name: string, initial = ""): [string, (text: string) => void, () => void] {
  const key = `${PREFIX}${useMe().id} ${name}`;
  const [text, setText] = useState(() => remembered(key) ?? initial);
  const change = useCallback(
    (wanted: string) => {
      setText(wanted);
      remember(key, wanted === initial ? null : wanted);
    },
    [key, initial],
  );
  const forget = useCallback(() => {
    setText(initial);
    remember(key, null);
  }, [key, initial]);
  return [text, change, forget];
}

export function forgetDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(PREFIX)) remember(key, null);
}
