/** The first visit: four steps, each one place to look at; gone for good when done. */
import { Button } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { openKeys } from "../app/Keys";
import { Go } from "../parts/Go";
import { Icon, type IconName } from "../parts/Icon";
import { Card } from "../parts/Page";
import styles from "./situation.module.css";

interface Step {
  icon: IconName;
  title: string;
  text: string;
  to: string;
  link: string;
}

const STEPS: readonly Step[] = [
  {
    icon: "agents",
    title: "Agents ask before they act",
    text: "Register one and give its key to your program; it appears as soon as it connects.",
    to: "/agents",
    link: "See the agents",
  },
  {
    icon: "inbox",
    title: "What is risky waits for you",
    text: "The inbox shows exactly what would run. Say yes or no; without an answer nothing runs.",
    to: "/inbox",
    link: "Open the inbox",
  },
  {
    icon: "policy",
    title: "The policy says what is risky",
    text: "Who has to agree, what runs by itself, what never does; and a switch that stops everything.",
    to: "/policy",
    link: "Read the policy",
  },
  {
    icon: "audit",
    title: "Nothing is forgotten",
    text: "Every step is in a ledger that your browser can check by itself.",
    to: "/audit",
    link: "Look at the ledger",
  },
];

export function Welcome() {
  const [done, setDone] = useLocalStorage({
    key: "watchfloor-welcomed",
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  if (done) return null;
  return (
    <Card
      title="Welcome to the floor"
      aside={
        <Button size="xs" onClick={() => setDone(true)}>
          I have seen it
        </Button>
      }
    >
      <ol className={styles.steps}>
        {STEPS.map((step) => (
          <li key={step.title}>
            <span className={styles.stepIcon}>
              <Icon name={step.icon} />
            </span>
            <b>{step.title}</b>
            <span>{step.text}</span>
            <Go to={step.to}>{step.link}</Go>
          </li>
        ))}
      </ol>
      <p className={styles.quiet}>
        ⌘K finds everything,{" "}
        <button type="button" className={styles.inline} onClick={openKeys}>
          ? shows the keys
        </button>
        .
      </p>
    </Card>
  );
}
