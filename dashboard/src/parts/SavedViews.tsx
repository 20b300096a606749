/** Views of a list under a name: the filters of the URL, kept in this browser. */
import { Button, Menu, TextInput, UnstyledButton } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type Filters, useFilters } from "./filters";
import { Icon } from "./Icon";
import styles from "./Listing.module.css";

interface View {
  name: string;
  filters: Filters;
}

export function SavedViews({ list, given = [] }: { list: string; given?: readonly View[] }) {
  const [views, setViews] = useLocalStorage<View[]>({ key: `watchfloor-views-${list}`, defaultValue: [] });
  const [filters] = useFilters();
  const navigate = useNavigate();
  const [name, setName] = useState("");
  const go = (view: View) => void navigate({ to: ".", search: view.filters });
  return (
    <Menu position="bottom-start" width={260} closeOnItemClick>
      <Menu.Target>
        <UnstyledButton className={styles.tool} aria-label="Saved views" title="Saved views">
          <Icon name="bookmark" size={16} />
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => go({ name: "", filters: {} })}>Everything</Menu.Item>
        {[...given, ...views].map((view) => (
          <Menu.Item key={view.name} onClick={() => go(view)}>
            {view.name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <form
          className={styles.tools}
          onSubmit={(event) => {
            event.preventDefault();
            if (!name.trim()) return;
            setViews([...views.filter((view) => view.name !== name.trim()), { name: name.trim(), filters }]);
            setName("");
          }}
        >
          <TextInput
            size="xs"
            flex={1}
            aria-label="Name of the view"
            placeholder="Save this view as…"
            value={name}
            maxLength={40}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Button size="xs" type="submit" variant="default" disabled={!name.trim()}>
            Save
          </Button>
        </form>
        {views.map((view) => (
          <Menu.Item
            key={view.name}
            color="bad"
            onClick={() => setViews(views.filter((one) => one.name !== view.name))}
          >
            Forget “{view.name}”
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
