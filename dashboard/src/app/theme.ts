/** Petrol on warm paper, as the server's own pages: one accent, colour otherwise only where it means something. */
import { createTheme, type MantineColorsTuple } from "@mantine/core";

const petrol: MantineColorsTuple = [
  "#eaf4f9",
  "#d6e6ee",
  "#a9cddf",
  "#79b2cf",
  "#549cc2",
  "#3d8eba",
  "#2c7ea9",
  "#1f6a91",
  "#1f5c7a",
  "#0f4560",
];

/** Warm dark greys in place of Mantine's blue ones. */
const dark: MantineColorsTuple = [
  "#e6e9eb",
  "#c3cacf",
  "#a7b0b7",
  "#7d878e",
  "#465058",
  "#343d43",
  "#2a3238",
  "#1b2125",
  "#14181b",
  "#0e1113",
];

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 8, dark: 6 },
  colors: { petrol, dark },
  fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", "Cascadia Mono", "Roboto Mono", "DejaVu Sans Mono", monospace',
  headings: { fontWeight: "650" },
  defaultRadius: "md",
  cursorType: "pointer",
  autoContrast: true,
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { openDelay: 250, withArrow: true, multiline: true, maw: 360 } },
    Modal: { defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.35, blur: 1 } } },
    Button: { defaultProps: { size: "sm" } },
  },
});
