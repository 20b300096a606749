/** A secret that the server tells once: shown, copied, gone with the window. */
import { Button, Code, CopyButton } from "@mantine/core";
import styles from "./ShownOnce.module.css";

export function ShownOnce({ secret, what = "key" }: { secret: string; what?: string }) {
  return (
    <div className={styles.box}>
      <p className={styles.title}>The {what} is shown this once</p>
      <Code block>{secret}</Code>
      <CopyButton value={secret}>
        {({ copied, copy }) => (
          <Button mt="sm" size="xs" variant="default" onClick={copy}>
            {copied ? "Copied" : `Copy the ${what}`}
          </Button>
        )}
      </CopyButton>
    </div>
  );
}
