/** Password and second factor of the person who is signed in. */
import { Alert, Button, Code, Group, Modal, PasswordInput, SimpleGrid, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Card, Stack } from "../parts/Page";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { meansQuery } from "./queries";
import styles from "./access.module.css";

const TOUCHES = [["me", "means"]] as const;

export function SignIn() {
  return (
    <Answer of={useQuery(meansQuery)} what="how you sign in">
      {(means) => (
        <Stack>
          <Card title="Password">
            <p>
              {means.password_at ? (
                <>
                  Set <Time at={means.password_at} ago />.
                </>
              ) : (
                "None is set: you sign in by links that others make for you."
              )}
            </p>
            <Password set={means.password_at > 0} />
          </Card>
          <Card title="Second factor">
            <p>
              {means.totp_at ? (
                <>
                  <Badge tone="good">on</Badge> since <Time at={means.totp_at} ago />; {means.recovery_left}{" "}
                  recovery codes left.
                </>
              ) : (
                <>
                  <Badge tone={means.totp_needed ? "bad" : "plain"}>off</Badge>{" "}
                  {means.totp_needed
                    ? "The policy wants one from you."
                    : "With one, a stolen password is not enough."}
                </>
              )}
            </p>
            {means.totp_at ? <FactorOff /> : <FactorOn />}
          </Card>
          {means.identities.length > 0 && (
            <Card title="Accounts elsewhere">
              {means.identities.map((one) => (
                <p key={one}>
                  <Name text={one} />
                </p>
              ))}
            </Card>
          )}
        </Stack>
      )}
    </Answer>
  );
}

function Password({ set }: { set: boolean }) {
  const [open, setOpen] = useState(false);
  const [current, setCurrent] = useState("");
  const [wanted, setWanted] = useState("");
  const [again, setAgain] = useState("");
  const close = () => {
    setOpen(false);
    setCurrent("");
    setWanted("");
    setAgain("");
  };
  const change = useCommand({
    run: (input: { new: string; current: string }) => ask(api.POST("/api/v1/me/password", { body: input })),
    touches: TOUCHES,
    done: () => "Your password is changed",
    onDone: close,
  });
  const differs = again !== "" && wanted !== again;
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        {set ? "Change it" : "Set one"}
      </Button>
      <Modal opened={open} onClose={close} title={set ? "Change your password" : "Set a password"}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (wanted && !differs) change.mutate({ new: wanted, current });
          }}
        >
          {set && (
            <PasswordInput
              label="Current password"
              autoComplete="current-password"
              data-autofocus
              value={current}
              onChange={(event) => setCurrent(event.currentTarget.value)}
            />
          )}
          <PasswordInput
            mt="sm"
            label="New password"
            description="A sentence is good: long, and easy to remember."
            autoComplete="new-password"
            value={wanted}
            onChange={(event) => setWanted(event.currentTarget.value)}
          />
          <PasswordInput
            mt="sm"
            label="Once more"
            autoComplete="new-password"
            error={differs ? "They differ" : null}
            value={again}
            onChange={(event) => setAgain(event.currentTarget.value)}
          />
          <Group justify="flex-end" mt="lg">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button type="submit" disabled={!wanted || !again || differs} loading={change.isPending}>
              Change
            </Button>
          </Group>
        </form>
      </Modal>
    </>
  );
}

function FactorOn() {
  const [offered, setOffered] = useState<Wire["FactorOffered"] | null>(null);
  const [codes, setCodes] = useState<readonly string[]>([]);
  const [code, setCode] = useState("");
  const offer = useCommand({ run: (_: null) => ask(api.POST("/api/v1/me/totp")), onDone: setOffered });
  const confirm = useCommand({
    run: (text: string) => ask(api.POST("/api/v1/me/totp/confirm", { body: { code: text } })),
    touches: TOUCHES,
    onDone: (out) => setCodes(out.codes),
  });
  const close = () => {
    setOffered(null);
    setCodes([]);
    setCode("");
  };
  return (
    <>
      <Button variant="default" loading={offer.isPending} onClick={() => offer.mutate(null)}>
        Turn it on
      </Button>
      <Modal
        opened={offered !== null}
        onClose={close}
        title={codes.length ? "Recovery codes" : "A second factor"}
      >
        {codes.length ? (
          <>
            <Alert color="warn" title="Shown this once">
              Each opens once when the authenticator is lost. Keep them where it is not.
            </Alert>
            <SimpleGrid cols={2} mt="md" spacing="xs">
              {codes.map((one) => (
                <Code key={one}>{one}</Code>
              ))}
            </SimpleGrid>
            <Button mt="lg" fullWidth onClick={close}>
              I have them
            </Button>
          </>
        ) : (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              confirm.mutate(code.trim());
            }}
          >
            <p>
              Type this key into your authenticator, or <a href={offered?.uri}>open it on this device</a>;
              then type the six digits that it shows.
            </p>
            <Code block className={styles.secret}>
              {offered?.secret}
            </Code>
            <TextInput
              mt="md"
              label="Six digits"
              inputMode="numeric"
              autoComplete="one-time-code"
              maxLength={32}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
            <Button mt="lg" type="submit" fullWidth disabled={!code.trim()} loading={confirm.isPending}>
              Confirm
            </Button>
          </form>
        )}
      </Modal>
    </>
  );
}

function FactorOff() {
  const [open, setOpen] = useState(false);
  const [code, setCode] = useState("");
  const remove = useCommand({
    run: (text: string) => ask(api.POST("/api/v1/me/totp/remove", { body: { code: text } })),
    touches: TOUCHES,
    done: () => "The second factor is off",
    onDone: () => {
      setOpen(false);
      setCode("");
    },
  });
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        Turn it off
      </Button>
      <Modal opened={open} onClose={() => setOpen(false)} title="Turn the second factor off">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            remove.mutate(code.trim());
          }}
        >
          <TextInput
            label="Six digits, or a recovery code"
            data-autofocus
            autoComplete="one-time-code"
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
          />
          <Button
            mt="lg"
            type="submit"
            color="bad"
            fullWidth
            disabled={!code.trim()}
            loading={remove.isPending}
          >
            Turn it off
          </Button>
        </form>
      </Modal>
    </>
  );
}
