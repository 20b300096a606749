/** Two versions beside each other: the prompt as a diff, tool permissions won and lost; or one version alone. */
import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Answer } from "../parts/Answer";
import { Diff } from "../parts/Diff";
import { Document } from "../parts/Document";
import { useFilters } from "../parts/filters";
import { Name, Words } from "../parts/Words";
import { versionDiffQuery, versionQuery } from "./queries";
import styles from "./rooms.module.css";
import type { Version } from "./Versions";

export function Compare({
  agent,
  all,
  older,
  newer,
}: {
  agent: string;
  all: readonly Version[];
  older: number;
  newer: number;
}) {
  const [, setFilters] = useFilters();
  const others = all.filter((one) => one.number !== newer);
  return (
    <section className={styles.compare} aria-label={`Version ${newer}`}>
      <div className={styles.tools}>
        <h3 className={styles.sub}>Version {newer}</h3>
        {others.length > 0 && (
          <Select
            size="xs"
            w={190}
            aria-label="Compare with"
            data={others.map((one) => ({
              value: String(one.number),
              label: `against version ${one.number}`,
            }))}
            value={older ? String(older) : null}
            placeholder="Compare with"
            onChange={(value) => setFilters({ against: value ?? "" })}
          />
        )}
      </div>
      {older > 0 && older !== newer && <Difference agent={agent} older={older} newer={newer} />}
      <Contents agent={agent} number={newer} />
    </section>
  );
}

function Difference({ agent, older, newer }: { agent: string; older: number; newer: number }) {
  return (
    <Answer of={useQuery(versionDiffQuery(agent, older, newer))} what="the difference">
      {(found) => {
        const same =
          !found.prompt_changed &&
          !found.descriptions_changed &&
          !found.tools_all &&
          !found.tools_added.length &&
          !found.tools_removed.length;
        return (
          <>
            {same && (
              <p className={styles.small}>Nothing differs from version {found.older} but its number.</p>
            )}
            <ul className={styles.ways}>
              {found.tools_all && <li>Tools: {found.tools_all}</li>}
              {found.tools_added.length > 0 && (
                <li>
                  May use in addition: <Name text={found.tools_added.join(", ")} charsMax={300} />
                </li>
              )}
              {found.tools_removed.length > 0 && (
                <li>
                  May no longer use: <Name text={found.tools_removed.join(", ")} charsMax={300} />
                </li>
              )}
              {found.descriptions_changed && <li>Its tools are described to it in other words</li>}
              {found.prompt_changed && !found.prompt && (
                <li>The prompt differs; one of the texts is not here, only its digest</li>
              )}
            </ul>
            {found.prompt && <Diff text={found.prompt} />}
          </>
        );
      }}
    </Answer>
  );
}

function Contents({ agent, number }: { agent: string; number: number }) {
  return (
    <Answer of={useQuery(versionQuery(agent, number))} what="the version">
      {(found) => (
        <>
          {found.prompt ? (
            <div
              className={styles.prompt}
              tabIndex={0}
              role="group"
              aria-label={`Prompt of version ${number}`}
            >
              <Words text={found.prompt} by={`version ${number}: its prompt`} mono />
            </div>
          ) : (
            <p className={styles.small}>
              {found.version.prompt_digest
                ? `Its prompt is not here, only its digest ${found.version.prompt_digest.slice(0, 16)}…`
                : "It came without a prompt; the first one the agent presents is pinned."}
            </p>
          )}
          {found.descriptions !== null && found.descriptions !== undefined && (
            <Document of={found.descriptions} by={`version ${number}: its tools`} />
          )}
        </>
      )}
    </Answer>
  );
}
