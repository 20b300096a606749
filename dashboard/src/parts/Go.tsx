/** Links within the floor, by their plain path: `<Go to="/agents/agt_…">`. */
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";

export function Go({
  to,
  search,
  children,
  className,
  title,
}: {
  to: string;
  search?: Record<string, string>;
  children: ReactNode;
  className?: string;
  title?: string;
}) {
  return (
    <Link to={to} search={search ?? {}} className={className} title={title}>
      {children}
    </Link>
  );
}

/** Where an id leads, empty when it has no page. */
export function pageOf(id: string): string {
  const folder: Record<string, string> = {
    agt: "/agents/",
    tsk: "/tasks/",
    dec: "/inbox/",
    act: "/decisions/actions/",
    cht: "/chat/",
    ano: "/alerts/anomalies/",
    alr: "/alerts/",
    per: "/access/people/",
  };
  const prefix = folder[id.slice(0, 3)];
  return prefix ? prefix + id : "";
}
