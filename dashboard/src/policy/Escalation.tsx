/** The escalation ladder: who is told after whom, until somebody answers; its end denies. */
import { Button, NumberInput, TagsInput, UnstyledButton } from "@mantine/core";
import { Icon } from "../parts/Icon";
import { useEditing } from "./Fields";
import lines from "../parts/Lines.module.css";
import styles from "./editor.module.css";

export function Escalation() {
  const { document, faults, readOnly, change } = useEditing();
  const rungs = document.routing.ladder;
  const set = (next: typeof rungs) => change("/routing/ladder", next);
  return (
    <div className={styles.group}>
      <h3 className={styles.sub}>Escalation</h3>
      <p className={lines.quiet}>
        Each rung is told and has its time; after the last one the decision is denied.
      </p>
      {rungs.map((rung, place) => (
        <div key={place} className={styles.rung}>
          <span className={styles.place}>{place + 1}</span>
          <TagsInput
            aria-label={`Rung ${place + 1}: who is told`}
            disabled={readOnly}
            error={faults[`/routing/ladder/${place}/tell`]}
            value={rung.tell}
            onChange={(tell) => set(rungs.map((one, index) => (index === place ? { ...one, tell } : one)))}
          />
          <NumberInput
            aria-label={`Rung ${place + 1}: minutes`}
            disabled={readOnly}
            min={1}
            suffix=" minutes"
            value={rung.wait_ms / 60_000}
            onChange={(wait) =>
              typeof wait === "number" &&
              set(
                rungs.map((one, index) =>
                  index === place ? { ...one, wait_ms: Math.round(wait * 60_000) } : one,
                ),
              )
            }
          />
          <UnstyledButton
            className={styles.away}
            aria-label={`Remove rung ${place + 1}`}
            disabled={readOnly}
            onClick={() => set(rungs.filter((_, index) => index !== place))}
          >
            <Icon name="cross" size={14} />
          </UnstyledButton>
        </div>
      ))}
      {!readOnly && (
        <Button
          size="xs"
          variant="default"
          leftSection={<Icon name="plus" size={14} />}
          onClick={() => set([...rungs, { tell: ["role:director"], wait_ms: 900_000 }])}
        >
          Add a rung
        </Button>
      )}
    </div>
  );
}
