// node cli.ts EXPORT --key VKEY [--pin NOTE]… [--cosigner VKEY]… [--max-age S] [--at S]: prints the report, exits 0 to 5.
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Files, Usage, verifyExport } from "./exports.ts";

function filesOf(folder: string): Files {
  return {
    names: () => Promise.resolve(readdirSync(folder, { recursive: true }).map((name) => String(name))),
    read: (name) => {
      const path = join(folder, name);
      if (!existsSync(path) || !statSync(path).isFile()) return Promise.resolve(undefined);
      return Promise.resolve({ size: statSync(path).size, chunks: createReadStream(path) });
    },
  };
}

const keyOf = (given: string): string => (given.includes("+") ? given : readFileSync(given, "utf8"));

try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      key: { type: "string" },
      pin: { type: "string", multiple: true, default: [] },
      cosigner: { type: "string", multiple: true, default: [] },
      "max-age": { type: "string", default: "0" },
      at: { type: "string" },
    },
  });
  const [folder] = positionals;
  if (folder === undefined || values.key === undefined) throw new Usage("EXPORT and --key are needed");
  const report = await verifyExport(filesOf(folder), {
    key: keyOf(values.key),
    pins: values.pin.map((path) => ({ source: path, note: readFileSync(path) })),
    cosigners: values.cosigner.map(keyOf),
    ageMaxS: Number(values["max-age"]),
    ...(values.at === undefined ? {} : { nowS: Number(values.at) }),
  });
  console.log(JSON.stringify(report));
  process.exitCode = report.exit;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
