/** The policy in force, in words. It is changed in the editor, and stopped by kill switches. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Answer } from "../parts/Answer";
import { Icon } from "../parts/Icon";
import { Page } from "../parts/Page";
import { Time } from "../parts/Time";
import { InForce } from "./InForce";
import { PolicyNav } from "./PolicyNav";
import { policyQuery } from "./queries";

export default function PolicyPage() {
  const query = useQuery(policyQuery);
  const navigate = useNavigate();
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
          <InForce of={now.document} />
        </Page>
      )}
    </Answer>
  );
}
