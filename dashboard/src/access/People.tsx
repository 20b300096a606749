/** Everybody of the organisation; administrators add people. */
import { Button, Checkbox, Group, Modal, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { Allowed } from "../app/me";
import { Answer } from "../parts/Answer";
import { Badge } from "../parts/Badges";
import { fieldErrors } from "../parts/fieldErrors";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import { type Column, Listing } from "../parts/Listing";
import { SearchFilter } from "../parts/Pick";
import { Empty } from "../parts/states";
import { Time } from "../parts/Time";
import { Name } from "../parts/Words";
import { peopleQuery, type Person, ROLE_MEANS, type RoleName, ROLES } from "./queries";

const columns: readonly Column<Person>[] = [
  {
    id: "handle",
    title: "Handle",
    value: (person) => person.handle,
    cell: (person) => <Name text={person.handle} />,
    width: "minmax(120px, 1fr)",
    phone: "title",
  },
  {
    id: "name",
    title: "Name",
    value: (person) => person.name,
    cell: (person) => <Name text={person.name || "erased"} />,
    width: "minmax(140px, 1.4fr)",
    phone: "line",
  },
  {
    id: "roles",
    title: "Roles",
    value: (person) => person.roles.join(" "),
    cell: (person) => (person.enabled ? person.roles.join(", ") : <Badge tone="bad">disabled</Badge>),
    width: "minmax(140px, 1.2fr)",
    phone: "aside",
  },
  {
    id: "email",
    title: "Mail",
    value: (person) => person.email,
    cell: (person) => <Name text={person.email} />,
    width: "minmax(150px, 1.5fr)",
  },
  {
    id: "joined_at",
    title: "Joined",
    value: (person) => person.joined_at,
    cell: (person) => <Time at={person.joined_at} ago />,
    width: "120px",
    right: true,
  },
];

export function People() {
  const [filters] = useFilters();
  const [adding, setAdding] = useState(false);
  const query = useInfiniteQuery(peopleQuery);
  const wanted = (filters.q ?? "").toLowerCase();
  return (
    <>
      <Answer of={query} what="people">
        {(data) => (
          <Listing
            name="people"
            rows={data.pages
              .flatMap((page) => page.items)
              .filter((one) =>
                [one.handle, one.name, ...one.roles].some((text) => text.toLowerCase().includes(wanted)),
              )}
            columns={columns}
            idOf={(person) => person.person_id}
            to={(person) => `/access/people/${person.person_id}`}
            more={query.hasNextPage ? () => void (query.isFetching || query.fetchNextPage()) : undefined}
            height="calc(100dvh - 300px)"
            toolbar={
              <>
                <SearchFilter label="Handle, name or role" />
                <Allowed role="admin">
                  <Button
                    size="xs"
                    leftSection={<Icon name="plus" size={14} />}
                    onClick={() => setAdding(true)}
                  >
                    Add a person
                  </Button>
                </Allowed>
              </>
            }
            empty={
              <Empty title="Nobody matches" icon="filter">
                Change the search.
              </Empty>
            }
          />
        )}
      </Answer>
      <AddPerson open={adding} onClose={() => setAdding(false)} />
    </>
  );
}

interface Draft {
  handle: string;
  name: string;
  email: string;
  roles: RoleName[];
}

function AddPerson({ open, onClose }: { open: boolean; onClose: () => void }) {
  const form = useForm<Draft>({
    initialValues: { handle: "", name: "", email: "", roles: ["operator"] },
    validate: {
      handle: (handle) => (handle.trim() ? null : "A person needs a handle"),
      name: (name) => (name.trim() ? null : "A person needs a name"),
      roles: (roles) => (roles.length ? null : "At least one role"),
    },
  });
  const close = () => {
    form.reset();
    onClose();
  };
  const add = useCommand({
    run: (draft: Draft, key) =>
      ask(api.POST("/api/v1/people", { params: { header: { "Idempotency-Key": key } }, body: draft })),
    touches: [["people"]],
    done: (out) => `${out.handle} is added; make a sign-in link on their page`,
    onDone: close,
    onProblem: (problem) => {
      form.setErrors(fieldErrors(problem));
      return problem.errors.length > 0;
    },
  });
  return (
    <Modal opened={open} onClose={close} title="Add a person">
      <form onSubmit={form.onSubmit((draft) => add.mutate(draft))}>
        <TextInput
          label="Handle"
          withAsterisk
          data-autofocus
          maxLength={64}
          {...form.getInputProps("handle")}
        />
        <TextInput mt="sm" label="Name" withAsterisk maxLength={128} {...form.getInputProps("name")} />
        <TextInput mt="sm" label="Mail" type="email" maxLength={254} {...form.getInputProps("email")} />
        <Checkbox.Group mt="md" label="Roles" {...form.getInputProps("roles")}>
          <RoleBoxes />
        </Checkbox.Group>
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={add.isPending}>
            Add
          </Button>
        </Group>
      </form>
    </Modal>
  );
}

export function RoleBoxes() {
  return (
    <Stack gap={6} mt={6}>
      {ROLES.map((role) => (
        <Checkbox key={role} value={role} label={role} description={ROLE_MEANS[role]} />
      ))}
    </Stack>
  );
}
