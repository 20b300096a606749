/** The tables one may ask, with what every column means. */
import { Accordion, Button } from "@mantine/core";
import { Card } from "../parts/Page";
import styles from "./data.module.css";
import type { Table } from "./queries";

export function Schema({ tables, take }: { tables: readonly Table[]; take: (sql: string) => void }) {
  return (
    <Card title="Tables" aside={String(tables.length)} flush>
      <Accordion className={styles.tables} chevronPosition="left">
        {tables.map((table) => (
          <Accordion.Item key={table.name} value={table.name}>
            <Accordion.Control>{table.name}</Accordion.Control>
            <Accordion.Panel>
              <p className={styles.meaning}>{table.meaning}</p>
              <dl className={styles.columns}>
                {table.columns.map((column) => (
                  <div key={column.name}>
                    <dt>
                      {column.name} <small>{column.type}</small>
                    </dt>
                    <dd>{column.meaning}</dd>
                  </div>
                ))}
              </dl>
              <Button
                size="xs"
                variant="default"
                onClick={() => take(`SELECT *\nFROM ${table.name}\nLIMIT 50`)}
              >
                Look into it
              </Button>
            </Accordion.Panel>
          </Accordion.Item>
        ))}
      </Accordion>
    </Card>
  );
}
