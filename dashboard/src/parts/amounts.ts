/** Amounts for people. Money is in micro units (10⁻⁶) of the organisation's currency, lengths in milliseconds. */

/** `1.25`, `0.0031`: two places, or the first two that say something. */
export function money(micro: number): string {
  const value = micro / 1_000_000;
  const places = value !== 0 && Math.abs(value) < 0.01 ? 6 : 2;
  return value.toLocaleString("en-GB", { minimumFractionDigits: 2, maximumFractionDigits: places });
}

/** A share in thousandths: `94.9 %`. */
export function share(permille: number): string {
  return `${(permille / 10).toLocaleString("en-GB", { maximumFractionDigits: 1 })} %`;
}

/** A ratio in thousandths as a signed percentage: `+120 %`. */
export function percent(permille: number): string {
  return `${permille > 0 ? "+" : ""}${share(permille)}`;
}

/** `12 KB`, `3.4 MB`. */
export function bytes(count: number): string {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let size = count;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${size.toLocaleString("en-GB", { maximumFractionDigits: size < 10 && unit ? 1 : 0 })} ${units[unit] ?? ""}`;
}
