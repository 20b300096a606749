import { defineConfig, mergeConfig } from "vitest/config";
import vite from "./vite.config.ts";

// Apart from vite.config.ts: what builds the floor must not need what tests it.
export default mergeConfig(vite, defineConfig({ test: { include: ["src/**/*.test.{ts,tsx}"], css: false } }));
