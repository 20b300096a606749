/** Short messages at the edge: what was done, and refusals with whether a repeat is safe. */
import { notifications } from "@mantine/notifications";
import { createElement } from "react";
import { signInAddress } from "../api/client";
import type { Problem } from "../api/problem";

/** Refusal of who came by a link that somebody else made (decision 35). */
export const OWN_SIGN_IN = "own_sign_in_needed";

/** `id`: takes the place of the one before with the same id, so that quick work leaves one message and not a pile. */
export function told(message: string, id?: string): void {
  if (id) notifications.hide(id);
  notifications.show({ ...(id ? { id } : {}), message, color: "petrol", autoClose: 4_000 });
}

export function toldProblem(problem: Problem): void {
  const place = problem.errors[0]?.field;
  const safe = problem.retryable ? " Trying again is safe." : "";
  notifications.show({
    title: place ? `Refused at ${place}` : "Not done",
    message:
      problem.code === OWN_SIGN_IN
        ? createElement(
            "span",
            null,
            problem.detail,
            " ",
            createElement("a", { href: signInAddress() }, "Sign in with your password"),
          )
        : `${problem.detail}${safe}`,
    color: "red",
    autoClose: problem.retryable ? 8_000 : 12_000,
  });
}
