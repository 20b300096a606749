/** SQL over the views of this organisation: read-only, bounded in time and rows. */
import { Button, Group, Modal, Switch, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { asProblem } from "../api/problem";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import { type Column, Listing } from "../parts/Listing";
import { Card, Columns, Page } from "../parts/Page";
import { Empty, Refused } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import styles from "./data.module.css";
import { EXAMPLES, instants, type Result, savedQuery, schemaQuery } from "./queries";
import { Saved } from "./Saved";
import { Schema } from "./Schema";

const FIRST = EXAMPLES[0]?.sql ?? "";

export default function DataPage() {
  const [filters, change] = useFilters();
  const [sql, setSql] = useState(filters.sql ?? FIRST);
  const [keeping, setKeeping] = useState(false);
  const schema = useQuery(schemaQuery);
  const run = useMutation({
    mutationFn: (text: string) => ask(api.POST("/api/v1/sql", { body: { sql: text, limit: 1_000 } })),
    onMutate: (text) => change({ sql: text }),
  });
  const take = (text: string) => {
    setSql(text);
    run.mutate(text);
  };
  return (
    <Page
      title="Data"
      lead="Your own questions to everything this organisation has recorded. Nothing can be changed from here."
      actions={
        <>
          <Button variant="default" onClick={() => setKeeping(true)} disabled={!sql.trim()}>
            Save query
          </Button>
          <Button
            leftSection={<Icon name="play" size={14} />}
            loading={run.isPending}
            disabled={!sql.trim()}
            onClick={() => run.mutate(sql)}
          >
            Run
          </Button>
        </>
      }
    >
      <div className={styles.top}>
        <Columns
          wide={
            <>
              <Card flush>
                <textarea
                  className={styles.editor}
                  aria-label="SQL"
                  spellCheck={false}
                  value={sql}
                  onChange={(event) => setSql(event.currentTarget.value)}
                  onKeyDown={(event) => {
                    if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) {
                      event.preventDefault();
                      run.mutate(sql);
                    }
                  }}
                />
                <p className={styles.hint}>
                  <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs it. SQLite, one SELECT; the first 1,000 rows.
                </p>
              </Card>
              {run.error ? (
                <Card>
                  <Refused problem={asProblem(run.error)} title="The query was refused" />
                </Card>
              ) : run.data ? (
                <Rows of={run.data} instant={instants(schema.data?.tables ?? [])} />
              ) : (
                <Card>
                  <Empty title="No question yet" icon="data">
                    Run the query above, or choose one of the saved ones.
                  </Empty>
                </Card>
              )}
            </>
          }
          narrow={
            <>
              <Saved take={take} />
              <Answer of={schema} what="the tables">
                {(found) => <Schema tables={found.tables} take={setSql} />}
              </Answer>
            </>
          }
        />
      </div>
      <Keep sql={sql} open={keeping} onClose={() => setKeeping(false)} />
    </Page>
  );
}

type Row = { place: number; values: readonly unknown[] };

function Rows({ of, instant }: { of: Result; instant: ReadonlySet<string> }) {
  const columns: Column<Row>[] = of.columns.map((name, place) => ({
    id: name,
    title: name,
    value: (row) => row.values[place] as string | number | null,
    cell: (row) => <Value of={row.values[place]} instant={instant.has(name)} />,
    width: "minmax(120px, 1fr)",
    right: typeof of.rows[0]?.[place] === "number" && !instant.has(name),
    ...(place === 0 ? { phone: "title" as const } : { phone: "line" as const }),
  }));
  const rows = of.rows.map((values, place) => ({ place, values }));
  return (
    <Listing
      name="rows"
      rows={rows}
      columns={columns}
      idOf={(row) => String(row.place)}
      height="60dvh"
      toolbar={
        <>
          <Badge>
            {of.elapsed_ms} ms, as of event {of.seq.toLocaleString()}
          </Badge>
          {of.cut && (
            <Badge tone="warn">{of.cut === "rows" ? "more rows than shown" : "cut: too much text"}</Badge>
          )}
        </>
      }
      empty={
        <Empty title="No rows" icon="data">
          The query ran; nothing matches.
        </Empty>
      }
    />
  );
}

function Value({ of, instant }: { of: unknown; instant: boolean }) {
  if (of === null || of === undefined) return <span className={styles.null}>null</span>;
  if (instant && typeof of === "number") return <Time at={of} />;
  return <Name text={String(of)} charsMax={400} />;
}

function Keep({ sql, open, onClose }: { sql: string; open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const keep = useCommand({
    run: (_: null) => ask(api.POST("/api/v1/queries", { body: { name: name.trim(), sql, shared } })),
    touches: [savedQuery.queryKey],
    done: () => "Saved",
    onDone: () => {
      setName("");
      onClose();
    },
  });
  return (
    <Modal opened={open} onClose={onClose} title="Save this query">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (name.trim()) keep.mutate(null);
        }}
      >
        <TextInput
          label="Name"
          description="A query of yours with this name is replaced."
          data-autofocus
          maxLength={128}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Switch
          mt="md"
          label="Everybody of the organisation sees it"
          checked={shared}
          onChange={(event) => setShared(event.currentTarget.checked)}
        />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={keep.isPending} disabled={!name.trim()}>
            Save
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
