/** How many decisions wait for the person, beside “Inbox”. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import styles from "./Waiting.module.css";

const SHOWN_MAX = 200;

export function Waiting() {
  const { data } = useQuery({
    queryKey: ["decisions", "waiting"],
    queryFn: () =>
      ask(api.GET("/api/v1/decisions", { params: { query: { status: "pending", limit: SHOWN_MAX } } })),
  });
  const count = data?.items.filter((one) => one.may_vote).length ?? 0;
  if (!count) return null;
  return (
    <span className={styles.count} title={`${count} wait for you`}>
      {data?.next ? `${SHOWN_MAX}+` : count}
    </span>
  );
}
