/**
 * Views of a list under a name: the filters of its URL, kept by the server for the person who saved them, on every device.
 * Opening one goes to its URL, so that it can be linked to and gone back from.
 */
import { ActionIcon, Button, Group, Modal, Popover, TextInput, UnstyledButton } from "@mantine/core";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { type Problem } from "../api/problem";
import { fieldErrors } from "./fieldErrors";
import { type Filters, useFilters } from "./filters";
import { Icon } from "./Icon";
import styles from "./Listing.module.css";

interface View {
  name: string;
  filters: Filters;
}

interface SavedViewsProps {
  /** The page the views are of. */
  list: string;
  /** Views that everybody has. */
  given?: readonly View[];
}

const NAME_MAX = 40;

function viewsQuery(page: string) {
  return queryOptions({
    queryKey: ["saved-views", page],
    queryFn: () => ask(api.GET("/api/v1/saved-views", { params: { query: { page } } })),
  });
}

/** Filters as the server keeps them: a query string. */
export function written(filters: Filters): string {
  return new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== "")).toString();
}

export function readFilters(state: string): Filters {
  return Object.fromEntries(new URLSearchParams(state));
}

/** Where a refusal of a name belongs: at the field, whatever it is about. */
function sentence(problem: Problem | null): string {
  return problem ? (fieldErrors(problem).name ?? problem.detail) : "";
}

export function SavedViews({ list, given = [] }: SavedViewsProps) {
  const [opened, setOpened] = useState(false);
  const [renaming, setRenaming] = useState<View | null>(null);
  const { data, error } = useQuery({ ...viewsQuery(list), enabled: opened });
  const navigate = useNavigate();
  const go = (view: View) => {
    setOpened(false);
    void navigate({ to: ".", search: view.filters });
  };
  const views = (data?.items ?? []).map((one) => ({ name: one.name, filters: readFilters(one.state) }));
  const remove = useCommand({
    run: (name: string) => ask(api.POST("/api/v1/saved-views/remove", { body: { page: list, name } })),
    touches: [viewsQuery(list).queryKey],
    done: (_, name) => `The view “${name}” is gone`,
  });
  return (
    <>
      <Popover position="bottom-start" width={280} opened={opened} onChange={setOpened} trapFocus returnFocus>
        <Popover.Target>
          <UnstyledButton
            className={styles.tool}
            aria-label="Saved views"
            title="Saved views"
            onClick={() => setOpened(!opened)}
          >
            <Icon name="bookmark" size={16} />
          </UnstyledButton>
        </Popover.Target>
        <Popover.Dropdown p={6} aria-label="Saved views">
          <ul className={styles.views}>
            {[{ name: "Everything", filters: {} }, ...given].map((view) => (
              <li key={view.name}>
                <UnstyledButton className={styles.view} onClick={() => go(view)}>
                  {view.name}
                </UnstyledButton>
              </li>
            ))}
            {views.length > 0 && <li className={styles.yours}>Yours</li>}
            {views.map((view) => (
              <li key={view.name}>
                <UnstyledButton className={styles.view} onClick={() => go(view)}>
                  {view.name}
                </UnstyledButton>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Rename ${view.name}`}
                  onClick={() => {
                    setOpened(false);
                    setRenaming(view);
                  }}
                >
                  <Icon name="edit" size={14} />
                </ActionIcon>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Delete ${view.name}`}
                  disabled={remove.isPending}
                  onClick={() => remove.mutate(view.name)}
                >
                  <Icon name="cross" size={14} />
                </ActionIcon>
              </li>
            ))}
          </ul>
          {error && <p className={styles.yours}>Your views cannot be read now.</p>}
          <SaveForm list={list} />
        </Popover.Dropdown>
      </Popover>
      {renaming && (
        <Rename
          list={list}
          view={renaming}
          others={views.map((one) => one.name)}
          onClose={() => setRenaming(null)}
        />
      )}
    </>
  );
}

/** Keeps what is in the URL now; one of the same name is replaced. */
function SaveForm({ list }: { list: string }) {
  const [filters] = useFilters();
  const [name, setName] = useState("");
  const save = useCommand({
    run: (wanted: string) =>
      ask(api.POST("/api/v1/saved-views", { body: { page: list, name: wanted, state: written(filters) } })),
    touches: [viewsQuery(list).queryKey],
    done: (_, wanted) => `Saved as “${wanted}”`,
    onDone: () => setName(""),
    onProblem: () => true,
  });
  return (
    <form
      className={styles.saving}
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) save.mutate(name.trim());
      }}
    >
      <TextInput
        size="xs"
        flex={1}
        aria-label="Name of the view"
        placeholder="Save this view as…"
        value={name}
        maxLength={NAME_MAX}
        error={sentence(save.error)}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button size="xs" type="submit" variant="default" disabled={!name.trim()} loading={save.isPending}>
        Save
      </Button>
    </form>
  );
}

interface RenameProps {
  list: string;
  view: View;
  others: readonly string[];
  onClose: () => void;
}

/** Under the new name first, then no longer under the old one: whatever fails, nothing is lost. */
function Rename({ list, view, others, onClose }: RenameProps) {
  const [name, setName] = useState(view.name);
  const wanted = name.trim();
  const taken = wanted !== view.name && others.includes(wanted);
  const rename = useCommand({
    run: async (to: string) => {
      await ask(
        api.POST("/api/v1/saved-views", { body: { page: list, name: to, state: written(view.filters) } }),
      );
      return ask(api.POST("/api/v1/saved-views/remove", { body: { page: list, name: view.name } }));
    },
    touches: [viewsQuery(list).queryKey],
    done: (_, to) => `It is “${to}” now`,
    onDone: onClose,
    onProblem: () => true,
  });
  return (
    <Modal opened onClose={onClose} title="Rename the view" size="sm">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (wanted === view.name) onClose();
          else if (wanted && !taken) rename.mutate(wanted);
        }}
      >
        <TextInput
          label="Name"
          value={name}
          maxLength={NAME_MAX}
          error={taken ? "Another view of yours has this name." : sentence(rename.error)}
          data-autofocus
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!wanted || taken} loading={rename.isPending}>
            Rename
          </Button>
        </Group>
      </form>
    </Modal>
  );
}
