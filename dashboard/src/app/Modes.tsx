/** A banner while something is stopped: whoever looks at any page knows. */
import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../api/client";
import { Go } from "../parts/Go";
import { Icon } from "../parts/Icon";
import styles from "./Modes.module.css";

export function Modes() {
  const { data } = useQuery({
    queryKey: ["stops", "in force"],
    queryFn: () => ask(api.GET("/api/v1/stops", { params: { query: { limit: 50 } } })),
  });
  const active = (data?.items ?? []).filter((stop) => !stop.lifted_at);
  if (!active.length) return null;
  const everything = active.some((stop) => stop.scope === "organisation" || stop.scope === "all");
  return (
    <div className={styles.banner} role="status">
      <Icon name="stop" size={16} />
      <span>
        <b>
          {everything
            ? "Everything is stopped."
            : `${active.length} kill switch${active.length > 1 ? "es" : ""} in force.`}
        </b>{" "}
        <Go to="/policy/stops">See what and why</Go>
      </span>
    </div>
  );
}
