/** Saved queries, one's own and shared, and a few to begin with. */
import { ActionIcon, UnstyledButton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Icon } from "../parts/Icon";
import { Card } from "../parts/Page";
import { Name } from "../parts/Words";
import styles from "./data.module.css";
import { EXAMPLES, savedQuery } from "./queries";

export function Saved({ take }: { take: (sql: string) => void }) {
  const { data } = useQuery(savedQuery);
  const remove = useCommand({
    run: (name: string) => ask(api.POST("/api/v1/queries/remove", { body: { name } })),
    touches: [savedQuery.queryKey],
    done: () => "Removed",
  });
  return (
    <Card title="Queries">
      <ul className={styles.list}>
        {(data?.items ?? []).map((one) => (
          <li key={`${one.owner} ${one.name}`}>
            <UnstyledButton className={styles.query} onClick={() => take(one.sql)}>
              <Name text={one.name} />
              {one.shared && <small> {one.own ? "shared" : <Name text={`by ${one.owner_name}`} />}</small>}
            </UnstyledButton>
            {one.own && (
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Remove ${one.name}`}
                onClick={() => remove.mutate(one.name)}
              >
                <Icon name="cross" size={14} />
              </ActionIcon>
            )}
          </li>
        ))}
        {EXAMPLES.map((one) => (
          <li key={one.name}>
            <UnstyledButton className={styles.query} onClick={() => take(one.sql)}>
              {one.name} <small>example</small>
            </UnstyledButton>
          </li>
        ))}
      </ul>
    </Card>
  );
}
