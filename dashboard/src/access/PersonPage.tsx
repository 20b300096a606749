/** One person, for administrators: roles, a sign-in link, sessions and tokens in force, disabling. */
import { Alert, Button, Checkbox, Code, CopyButton, Group, Modal } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask, type Wire } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed, useMay, useMe } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { Confirm } from "../parts/Confirm";
import { Facts, Id } from "../parts/Facts";
import { Card, Columns, Page } from "../parts/Page";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { Credentials } from "./Credentials";
import { RoleBoxes } from "./People";
import { credentialsQuery, peopleQuery, type Person, type RoleName } from "./queries";
import styles from "./access.module.css";

export default function PersonPage() {
  const { person = "" } = useParams({ strict: false });
  return (
    <Answer of={useInfiniteQuery(peopleQuery)} what="the person">
      {(data) => {
        const found = data.pages.flatMap((page) => page.items).find((one) => one.person_id === person);
        return found ? <One person={found} /> : <Empty title="There is no such person" icon="person" />;
      }}
    </Answer>
  );
}

function One({ person }: { person: Person }) {
  const admin = useMay("admin");
  return (
    <Page
      title={<Name text={person.name || person.handle} />}
      tab={person.handle}
      back={{ to: "/access", text: "Access" }}
      lead={person.enabled ? person.roles.join(", ") : <Badge tone="bad">disabled</Badge>}
      actions={person.enabled && <Switches person={person} />}
    >
      <Columns
        wide={
          <Card title="Sessions and tokens in force">
            {admin ? <InForce person={person.person_id} /> : <p>Only administrators see them.</p>}
          </Card>
        }
        narrow={
          <Card title="About">
            <Facts
              of={[
                ["Id", <Id key="id" of={person.person_id} />],
                ["Handle", <Name key="handle" text={person.handle} />],
                ["Mail", <Name key="mail" text={person.email || "none"} />],
                ["Joined", <Time key="joined" at={person.joined_at} />],
                ...(person.enabled
                  ? []
                  : ([["Disabled", <Time key="off" at={person.disabled_at} />]] as const)),
              ]}
            />
          </Card>
        }
      />
    </Page>
  );
}

function InForce({ person }: { person: string }) {
  return (
    <Answer of={useQuery(credentialsQuery(person))} what="credentials">
      {({ items }) => <Credentials items={items} touches={["person", person, "credentials"]} />}
    </Answer>
  );
}

function Switches({ person }: { person: Person }) {
  const [asked, setAsked] = useState<"roles" | "disable" | null>(null);
  const me = useMe();
  return (
    <Allowed role="admin">
      <SignInLink person={person} />
      <Button variant="default" onClick={() => setAsked("roles")}>
        Roles
      </Button>
      {me.id !== person.person_id && (
        <Button variant="default" onClick={() => setAsked("disable")}>
          Disable
        </Button>
      )}
      <Roles person={person} open={asked === "roles"} onClose={() => setAsked(null)} />
      <Disable person={person} open={asked === "disable"} onClose={() => setAsked(null)} />
    </Allowed>
  );
}

function Roles({ person, open, onClose }: { person: Person; open: boolean; onClose: () => void }) {
  const [roles, setRoles] = useState<string[]>([...person.roles]);
  const change = useCommand({
    run: (wanted: RoleName[], key) =>
      ask(
        api.POST("/api/v1/people/{person}/roles", {
          params: { path: { person: person.person_id }, header: { "Idempotency-Key": key } },
          body: { roles: wanted },
        }),
      ),
    touches: [["people"]],
    done: () => "Changed; it counts from now on, in open windows too",
    onDone: onClose,
  });
  return (
    <Modal opened={open} onClose={onClose} title="Roles">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(roles as RoleName[]);
        }}
      >
        <Checkbox.Group value={roles} onChange={setRoles} label="What this person may do">
          <RoleBoxes />
        </Checkbox.Group>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!roles.length} loading={change.isPending}>
            Change
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

function Disable({ person, open, onClose }: { person: Person; open: boolean; onClose: () => void }) {
  const disable = useCommand({
    run: (_: null, key) =>
      ask(
        api.POST("/api/v1/people/{person}/disable", {
          params: { path: { person: person.person_id }, header: { "Idempotency-Key": key } },
        }),
      ),
    touches: [["people"]],
    done: () => "Disabled; their sessions and tokens have ended",
    onDone: onClose,
  });
  return (
    <Confirm
      open={open}
      onClose={onClose}
      title={`Disable ${person.handle}?`}
      action="Disable"
      danger
      busy={disable.isPending}
      onConfirm={() => disable.mutate(null)}
    >
      Their sessions and tokens end at once, and their votes on what has not started yet no longer count.
    </Confirm>
  );
}

function SignInLink({ person }: { person: Person }) {
  const [made, setMade] = useState<Wire["LinkIssued"] | null>(null);
  const issue = useCommand({
    run: (_: null, key) =>
      ask(
        api.POST("/api/v1/people/{person}/sign-in-link", {
          params: { path: { person: person.person_id }, header: { "Idempotency-Key": key } },
        }),
      ),
    onDone: setMade,
  });
  const address = made?.path ? window.location.origin + made.path : "";
  return (
    <>
      <Button loading={issue.isPending} onClick={() => issue.mutate(null)}>
        Sign-in link
      </Button>
      <Modal opened={made !== null} onClose={() => setMade(null)} title="A link that signs in once">
        <Alert color="warn" title="It is shown this once">
          Whoever opens it first is {person.handle}. Hand it over by a way you trust; it works until{" "}
          <Time at={made?.expires_at ?? 0} />.
        </Alert>
        <Code block mt="md" className={styles.secret}>
          {address || "shown already"}
        </Code>
        <CopyButton value={address}>
          {({ copied, copy }) => (
            <Button mt="md" variant="default" onClick={copy} disabled={!address}>
              {copied ? "Copied" : "Copy the link"}
            </Button>
          )}
        </CopyButton>
      </Modal>
    </>
  );
}
