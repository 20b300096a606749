/** Whoever came by a link that somebody else made, and wants to do what takes a sign-in of their own (decision 35). */
import { signInAddress } from "../api/client";
import { Go } from "./Go";

/** The two ways: the password one has, which begins another session, or one that is set now. */
export function OwnSignIn() {
  return (
    <span>
      <a href={signInAddress()}>Sign in with your password</a>, or{" "}
      <Go to="/access" search={{ tab: "sign-in" }}>
        set one
      </Go>
      .
    </span>
  );
}
