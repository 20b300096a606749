/** Who is signed in, and what is theirs to choose: light or dark, time zone, signing out. */
import { Menu, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { api, ask } from "../api/client";
import { useCommand } from "../api/commands";
import { forgetDrafts } from "../parts/drafts";
import { Icon } from "../parts/Icon";
import styles from "./Account.module.css";
import { openKeys } from "./Keys";
import { useMe } from "./me";
import { browserZone, useZone } from "./zone";

export function Account() {
  const me = useMe();
  const { zone, setZone } = useZone();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const leave = useCommand({
    run: (_: null, key) =>
      ask(api.POST("/api/v1/sign-out", { params: { header: { "Idempotency-Key": key } } })),
    onDone: () => {
      forgetDrafts();
      window.location.assign("/sign-in");
    },
  });
  const local = browserZone();
  return (
    <>
      <UnstyledButton
        className={styles.round}
        onClick={() => setColorScheme(dark ? "light" : "dark")}
        aria-label={dark ? "Light colours" : "Dark colours"}
        title={dark ? "Light colours" : "Dark colours"}
      >
        <Icon name={dark ? "sun" : "moon"} />
      </UnstyledButton>
      <Menu position="bottom-end" width={250}>
        <Menu.Target>
          <UnstyledButton className={styles.me} title="Account">
            <span className={styles.letter}>{(me.name || "?").slice(0, 1).toUpperCase()}</span>
            <span className={styles.name}>{me.name}</span>
          </UnstyledButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{me.roles.join(", ") || "no role"}</Menu.Label>
          <Menu.Divider />
          <Menu.Label>Times</Menu.Label>
          {[...new Set([local, "UTC"])].map((one) => (
            <Menu.Item
              key={one}
              onClick={() => setZone(one)}
              rightSection={zone === one ? <Icon name="check" size={14} /> : null}
            >
              {one === local && one !== "UTC" ? `${one} (here)` : one}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="question" size={16} />} onClick={openKeys}>
            Keys <kbd>?</kbd>
          </Menu.Item>
          <Menu.Item
            leftSection={<Icon name="exit" size={16} />}
            onClick={() => leave.mutate(null)}
            disabled={leave.isPending}
          >
            Sign out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
