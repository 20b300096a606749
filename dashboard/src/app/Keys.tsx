/** Keys that work everywhere, and the sheet that lists them with those of the page that is open. */
import { Modal } from "@mantine/core";
import { useDisclosure, useWindowEvent } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useSyncExternalStore } from "react";
import styles from "./Keys.module.css";
import type { Page } from "./page";

export interface PageKey {
  keys: string;
  does: string;
}

const OPEN = "watchfloor-keys";
let pageKeys: readonly PageKey[] = [];
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** A page tells the sheet which keys it has, while it is open. Pass a constant. */
export function usePageKeys(keys: readonly PageKey[]): void {
  useEffect(() => {
    pageKeys = keys;
    for (const each of listeners) each();
    return () => {
      pageKeys = [];
      for (const each of listeners) each();
    };
  }, [keys]);
}

export function openKeys(): void {
  window.dispatchEvent(new Event(OPEN));
}

/** Is the person writing, or is a dialogue open? Then single keys are letters. */
export function isBusy(event: KeyboardEvent): boolean {
  if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented) return true;
  const target = event.target as HTMLElement | null;
  if (target?.closest("input, textarea, select, [contenteditable=true]")) return true;
  return document.querySelector("[role=dialog], [role=menu]") !== null;
}

export function Keys({ pages }: { pages: readonly Page[] }) {
  const [shown, sheet] = useDisclosure(false);
  const navigate = useNavigate();
  const gAt = useRef(0);
  const own = useSyncExternalStore(subscribe, () => pageKeys);
  useWindowEvent(OPEN, sheet.open);
  useWindowEvent("keydown", (event) => {
    if (isBusy(event)) return;
    if (event.key === "?") {
      event.preventDefault();
      sheet.open();
    } else if (event.key === "/") {
      const field = document.querySelector<HTMLInputElement>("[data-search] input, input[data-search]");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    } else if (event.key === "g") {
      gAt.current = Date.now();
    } else if (Date.now() - gAt.current < 1_500) {
      const page = pages.find((one) => one.key === event.key);
      gAt.current = 0;
      if (page) {
        event.preventDefault();
        event.stopImmediatePropagation();
        void navigate({ to: page.path });
      }
    }
  });
  return (
    <Modal opened={shown} onClose={sheet.close} title="Keys" size="lg">
      <div className={styles.sheet}>
        {own.length > 0 && <Group title="This page" keys={own} />}
        <Group
          title="Everywhere"
          keys={[
            { keys: "⌘ K", does: "search and commands" },
            { keys: "/", does: "to the search field of a list" },
            { keys: "?", does: "this sheet" },
            { keys: "Esc", does: "close, cancel" },
          ]}
        />
        <Group title="Go to" keys={pages.map((page) => ({ keys: `g ${page.key}`, does: page.name }))} />
      </div>
    </Modal>
  );
}

function Group({ title, keys }: { title: string; keys: readonly PageKey[] }) {
  return (
    <section>
      <h3 className={styles.title}>{title}</h3>
      <dl className={styles.list}>
        {keys.map((one) => (
          <div key={one.keys} className={styles.row}>
            <dt>
              {one.keys.split(" ").map((key) => (
                <kbd key={key} className={styles.key}>
                  {key}
                </kbd>
              ))}
            </dt>
            <dd>{one.does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
