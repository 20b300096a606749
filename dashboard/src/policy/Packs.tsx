/** Policies for a domain that come with the product: one of them becomes the draft. */
import { Button, Menu } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { asProblem } from "../api/problem";
import { toldProblem } from "../parts/toasts";
import styles from "./editor.module.css";
import { type Policy, packQuery, packsQuery } from "./queries";

export function Packs({ onChosen }: { onChosen: (document: Policy) => void }) {
  const packs = useQuery(packsQuery);
  const client = useQueryClient();
  const choose = (name: string) => {
    client.fetchQuery(packQuery(name)).then(
      (found) => onChosen(found.document),
      (error: unknown) => toldProblem(asProblem(error)),
    );
  };
  return (
    <Menu position="bottom-start" width={340}>
      <Menu.Target>
        <Button size="compact-sm" variant="default" disabled={!packs.data}>
          Begin from a pack
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {packs.data?.items.map((one) => (
          <Menu.Item key={one.name} onClick={() => choose(one.name)}>
            <b className={styles.pack}>{one.name}</b>
            <small className={styles.meaning}>{one.meaning}</small>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
