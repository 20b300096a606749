/** Exports of the whole ledger: those there are, making one, taking one home. For auditors and administrators. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { useMay } from "../app/me";
import { Answer } from "../parts/Answer";
import { State } from "../parts/Badges";
import { bytes } from "../parts/amounts";
import { Icon } from "../parts/Icon";
import { Card } from "../parts/Page";
import { Time } from "../parts/Time";
import styles from "./audit.module.css";
import { exportsQuery } from "./queries";

export function Exports() {
  const query = useQuery(exportsQuery);
  const audits = useMay("auditor");
  const administers = useMay("admin");
  const may = audits || administers;
  const start = useCommand({
    run: (_: null) => ask(api.POST("/api/v1/ledger/exports")),
    touches: [["exports"]],
    done: () => "The export is being written",
  });
  return (
    <Card title="Exports">
      <Answer of={query} what="exports">
        {({ items }) => (
          <ul className={styles.exports}>
            {items.length === 0 && <li>None yet. {!may && "An auditor or an administrator makes them."}</li>}
            {items.map((one) => (
              <Made key={one.export_id} of={one} may={may} />
            ))}
          </ul>
        )}
      </Answer>
      {may && (
        <>
          <Button variant="default" loading={start.isPending} onClick={() => start.mutate(null)}>
            Export the whole ledger
          </Button>
          <code className={styles.command} role="group" tabIndex={0} aria-label="How to check an export">
            watchfloor-verify EXPORT.zip --key VKEY
          </code>
        </>
      )}
    </Card>
  );
}

/** The browser itself takes the file as it is packed: a ledger does not fit into a page. */
function Made({ of, may }: { of: Wire["ExportItem"]; may: boolean }) {
  const size = of.size.toLocaleString();
  return (
    <li>
      <State of={of.state} />
      <span>
        {size} events{of.bytes > 0 && `, ${bytes(of.bytes)}`}
      </span>
      <Time at={of.created_at} ago />
      {may && of.state === "ready" && (
        <Button
          component="a"
          href={`/api/v1/ledger/exports/${encodeURIComponent(of.export_id)}/file`}
          download
          size="xs"
          variant="default"
          aria-label={`Download the export of ${size} events`}
          leftSection={<Icon name="download" size={14} />}
        >
          Download
        </Button>
      )}
    </li>
  );
}
