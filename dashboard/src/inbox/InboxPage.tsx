import { Page } from "../parts/Page";
import { Empty } from "../parts/states";

export default function InboxPage() {
  return (
    <Page title="Inbox">
      <Empty title="Nothing to decide" />
    </Page>
  );
}
