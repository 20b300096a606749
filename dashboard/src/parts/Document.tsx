/** Any JSON that somebody else wrote, indented, as text: never markup. */
import { Words } from "./Words";

export function Document({ of, by = "the agent" }: { of: unknown; by?: string }) {
  return <Words text={typeof of === "string" ? of : JSON.stringify(of, null, 2)} by={by} mono />;
}
