/** People and roles; one's own sessions, tokens and ways of signing in. */
import { Tabs } from "@mantine/core";
import { useFilters } from "../parts/filters";
import { Page } from "../parts/Page";
import { Mine } from "./Mine";
import { People } from "./People";
import { SignIn } from "./SignIn";

export default function AccessPage() {
  const [filters, change] = useFilters();
  return (
    <Page title="Access" lead="Who may do what here, and with what they sign in.">
      <Tabs
        value={filters.tab ?? "people"}
        onChange={(tab) => change({ tab: tab ?? "" })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          <Tabs.Tab value="people">People</Tabs.Tab>
          <Tabs.Tab value="mine">My sessions and tokens</Tabs.Tab>
          <Tabs.Tab value="sign-in">How I sign in</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people">
          <People />
        </Tabs.Panel>
        <Tabs.Panel value="mine">
          <Mine />
        </Tabs.Panel>
        <Tabs.Panel value="sign-in">
          <SignIn />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}
