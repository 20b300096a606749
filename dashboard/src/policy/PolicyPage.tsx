/** The policy: what is in force in words, changing it with a look at what that would do, and its versions. */
import { Button, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Answer } from "../parts/Answer";
import { useMay } from "../app/me";
import { useFilters } from "../parts/filters";
import { Icon } from "../parts/Icon";
import { Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { ChangePolicy } from "./ChangePolicy";
import { InForce } from "./InForce";
import { policyNowQuery } from "./queries";
import { PolicyNav } from "../trust/PolicyNav";
import { Versions } from "./Versions";

export default function PolicyPage() {
  const query = useQuery(policyNowQuery);
  const [filters, setFilters] = useFilters();
  const navigate = useNavigate();
  const may = useMay("operator");
  return (
    <Answer of={query} what="the policy">
      {(now) => (
        <Page
          title="Trust & policy"
          lead={
            <>
              Version {now.version}, in force since <Time at={now.applied_at} />
            </>
          }
          actions={
            <Button
              variant="outline"
              color="bad"
              leftSection={<Icon name="stop" size={16} />}
              onClick={() => void navigate({ to: "/policy/stops" })}
            >
              Kill switches
            </Button>
          }
        >
          <PolicyNav />
          <Tabs
            value={filters.tab ?? "now"}
            onChange={(tab) => setFilters({ tab: tab ?? "" })}
            keepMounted={false}
          >
            <Tabs.List mb="md">
              <Tabs.Tab value="now">In force</Tabs.Tab>
              {may && <Tabs.Tab value="change">Change it</Tabs.Tab>}
              <Tabs.Tab value="versions">Versions</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="now">
              <InForce of={now.document} />
            </Tabs.Panel>
            <Tabs.Panel value="change">
              <ChangePolicy key={now.etag} now={now} />
            </Tabs.Panel>
            <Tabs.Panel value="versions">
              <Versions current={now.version} />
            </Tabs.Panel>
          </Tabs>
        </Page>
      )}
    </Answer>
  );
}
