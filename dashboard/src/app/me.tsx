/** Who is signed in and what they may do. The server decides; this only hides what it would refuse. */
import { useQuery } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext } from "react";
import { api, ask, signInAddress, setFormToken, type Wire } from "../api/client";
import { asProblem } from "../api/problem";
import { Loading, Refused } from "../parts/states";

export type Role = "operator" | "supervisor" | "director" | "admin" | "auditor";
export type Me = Wire["Me"];

/** A role includes the rights of those before it, except `auditor` (spec 1). */
const LADDER: readonly string[] = ["operator", "supervisor", "director", "admin"];

export function mayAs(roles: readonly string[], role: Role): boolean {
  if (role === "auditor") return roles.includes("auditor");
  const needed = LADDER.indexOf(role);
  return roles.some((one) => LADDER.indexOf(one) >= needed);
}

const MeContext = createContext<Me | null>(null);

export function MeProvider({ children }: { children: ReactNode }) {
  const { data, error, refetch } = useQuery({ queryKey: ["me"], queryFn: () => ask(api.GET("/api/v1/me")) });
  const token = data && "csrf" in data ? String(data.csrf) : "";
  setFormToken(token);
  if (data) return <MeContext value={data}>{children}</MeContext>;
  if (error) {
    const problem = asProblem(error);
    if (problem.status === 401) {
      window.location.assign(signInAddress());
      return <Loading what="the sign-in page" />;
    }
    return <Refused problem={problem} again={() => void refetch()} />;
  }
  return <Loading what="the floor" />;
}

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("useMe outside of MeProvider");
  return me;
}

/** May the person do what needs this role? */
export function useMay(role: Role): boolean {
  return mayAs(useMe().roles, role);
}

/** Shows its children only to people with the role. */
export function Allowed({ role, children }: { role: Role; children: ReactNode }) {
  return useMay(role) ? children : null;
}
