import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `npm run dev` finds a server: `WATCHFLOOR_URL=http://127.0.0.1:7300 npm run dev`. */
const server = process.env.WATCHFLOOR_URL ?? "http://127.0.0.1:7300";
/** The browser says where a request began; the server wants its own origin there (docs/http.md). */
const forwarded = { target: server, changeOrigin: true, headers: { origin: server } };

export default defineConfig({
  base: "/floor/",
  plugins: [react()],
  // The server puts a fresh nonce in this place of every index.html it sends.
  html: { cspNonce: "__CSP_NONCE__" },
  build: {
    outDir: "../src/watchfloor/http/floor",
    emptyOutDir: true,
    target: "es2023",
    assetsInlineLimit: 0, // no data: URLs, so that the content security policy needs none for fonts
    chunkSizeWarningLimit: 400,
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "/api": forwarded,
      "/live": forwarded,
      "/sign-in": forwarded,
      "/sign-out": forwarded,
      "/assets": forwarded,
      "/docs": forwarded,
    },
  },
});
