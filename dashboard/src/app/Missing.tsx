import { Empty } from "../parts/states";

export function Missing() {
  return (
    <Empty title="There is no such page" icon="question">
      The address does not name a page of the floor. The navigation and ⌘K lead everywhere.
    </Empty>
  );
}
