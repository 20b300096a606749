/** The server's field errors (JSON pointers) as a form wants them: `/name` → `name`, `/a/0/b` → `a.0.b`. */
import type { Problem } from "../api/problem";

export function fieldErrors(problem: Problem): Record<string, string> {
  return Object.fromEntries(
    problem.errors.map((one) => [one.field.replace(/^\//, "").replaceAll("/", "."), one.detail]),
  );
}
