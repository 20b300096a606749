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

/** For buttons that agree and that refuse: the greens and reds of floor.css. */
const good: MantineColorsTuple = [
  "#e6f2ea",
  "#cbe5d5",
  "#9fd0b3",
  "#72ba90",
  "#4fa676",
  "#3a9a66",
  "#2b8257",
  "#23754d",
  "#1d6b45",
  "#124a2f",
];
const bad: MantineColorsTuple = [
  "#fbeae8",
  "#f4cfcc",
  "#e8a29c",
  "#dc756d",
  "#d35a50",
  "#cb4a40",
  "#c0453c",
  "#b03a32",
  "#a3312a",
  "#74201b",
];

/** For what is to be minded: the ochres of floor.css. Mantine's yellow is too faint on paper. */
const warn: MantineColorsTuple = [
  "#fbf1dc",
  "#f3dfb5",
  "#e8c883",
  "#d9ae55",
  "#c99534",
  "#b6801c",
  "#a06e0d",
  "#8b5d04",
  "#7d5200",
  "#563900",
];

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 8, dark: 6 },
  colors: { petrol, dark, good, bad, warn },
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
    Modal: {
      defaultProps: {
        centered: true,
        closeButtonProps: { "aria-label": "Close" },
        overlayProps: { backgroundOpacity: 0.35, blur: 1 },
        attributes: { header: { role: "presentation" } }, // a dialog's head is no banner of the page
      },
      styles: { title: { fontWeight: 650 } },
    },
    Notification: {
      defaultProps: { closeButtonProps: { "aria-label": "Close" } },
      styles: { description: { color: "var(--soft)" } }, // Mantine's grey is too faint beside a title
    },
    Button: { defaultProps: { size: "sm" } },
  },
});
