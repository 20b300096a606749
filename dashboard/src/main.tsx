import "@fontsource-variable/inter/wght.css";
import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@mantine/spotlight/styles.css";
import "./app/floor.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { MeProvider } from "./app/me";
import { queries } from "./app/queries";
import { router } from "./app/router";
import { theme } from "./app/theme";
import { ZoneProvider } from "./app/zone";
import { LiveProvider } from "./live/LiveProvider";

/** The nonce of this page's content security policy; style tags made at run time carry it. */
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
Object.assign(globalThis, { __webpack_nonce__: nonce }); // where get-nonce, of react-remove-scroll, looks

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <Notifications position="top-right" limit={4} />
      <ZoneProvider>
        <QueryClientProvider client={queries}>
          <MeProvider>
            <LiveProvider>
              <RouterProvider router={router} />
            </LiveProvider>
          </MeProvider>
        </QueryClientProvider>
      </ZoneProvider>
    </MantineProvider>
  </StrictMode>,
);
