import type { ErrorComponentProps } from "@tanstack/react-router";
import { asProblem } from "../api/problem";
import { Refused } from "../parts/states";

/** A page broke: say so, keep the navigation. */
export function Fault({ error, reset }: ErrorComponentProps) {
  return <Refused problem={asProblem(error)} again={reset} />;
}
