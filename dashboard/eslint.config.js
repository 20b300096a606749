import hooks from "eslint-plugin-react-hooks";
import { defineConfig } from "eslint/config";
import typescript from "typescript-eslint";

export default defineConfig([
  { ignores: ["src/api/schema.gen.ts"] },
  typescript.configs.recommended,
  hooks.configs.flat["recommended-latest"],
  { files: ["src/verifier/cli.ts"], rules: { "no-console": "off" } },
  {
    ignores: ["src/verifier/cli.ts"],
    rules: { "no-console": "error" },
  },
  {
    rules: {
      "max-lines": ["error", { max: 400, skipBlankLines: true }],
      "no-restricted-syntax": [
        "error",
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: "Nothing an agent can write is markup: render text, or use <Words>.",
        },
      ],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      // the React compiler's advice; we do not compile with it
      "react-hooks/set-state-in-effect": "off",
      "react-hooks/refs": "off",
      "react-hooks/purity": "off",
      "react-hooks/incompatible-library": "off",
    },
  },
]);
