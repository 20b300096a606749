/** The icons of the floor: one stroke weight, drawn on 24 by 24. Decoration only; words carry the meaning. */
const paths = {
  situation: "M4 19c2.5-7 5-10.5 8-10.5S17.500 12 20 19M12 19v.01M9.500 19a2.500 2.500 0 0 1 5 0",
  inbox: "M4 13 6.500 5h11L20 13v6H4zM4 13h5l1 2.500h4l1-2.500h5",
  agents: "M7 9h10v9H7zM12 9V5M12 5h.01M4 12v3M20 12v3M10 13v.01M14 13v.01",
  tasks: "M4 6.500l1.500 1.500L8 5M11 6.500h9M4 12.500 5.500 14 8 11M11 12.500h9M5 18.500h1M11 18.500h9",
  workflows: "M4 4h5v5H4zM15 15h5v5h-5zM15 4h5v5h-5zM9 6.500h6M17.500 9v6M6.500 9v8.500H15",
  decisions: "M12 4v16M5 20h14M6 7h12M6 7l-3 6h6zM18 7l-3 6h6z",
  trust: "M12 3.500 19 6v5.500c0 4.500-3 7.500-7 9-4-1.500-7-4.500-7-9V6zM9 12l2 2 4-4.500",
  policy: "M5 4h10l4 4v12H5zM14 4v5h5M8.500 13h7M8.500 16.500h5",
  alerts: "M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20.500h4M12 5V3.500",
  audit: "M10 4h4l.5 2.500M10 4 9.500 6.500M5 7h14v13H5zM9 12h6M9 16h4",
  data: "M5 6.500C5 5 8 4 12 4s7 1 7 2.500S16 9 12 9 5 8 5 6.500zM5 6.500v11C5 19 8 20 12 20s7-1 7-2.500v-11M5 12c0 1.500 3 2.500 7 2.500s7-1 7-2.500",
  operations: "M3 12h4l2.500-7 4.500 14 2.500-7h4.500",
  access: "M14.500 9.500a4.500 4.500 0 1 1-2-3.500M12 12l8-8M17 7l2.500 2.500M9 11v.01",
  chat: "M4 5h16v11h-9l-4 4v-4H4zM8.500 10.500h.01M12 10.500h.01M15.500 10.500h.01",
  search: "M10.500 17a6.500 6.500 0 1 1 0-13 6.500 6.500 0 0 1 0 13zM15.500 15.500 20 20",
  question: "M9 9a3 3 0 1 1 4.500 2.600c-1 .6-1.500 1.200-1.500 2.400M12 17.500v.01",
  check: "M5 12.500l4.500 4.500L19 7",
  cross: "M6 6l12 12M18 6 6 18",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  clock: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 7v5l3.500 2",
  copy: "M9 9h10v11H9zM5 15V4h10",
  download: "M12 4v11M7.500 11 12 15.500l4.500-4.500M5 20h14",
  upload: "M12 16V5M7.500 9 12 4.500 16.500 9M5 20h14",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 3v1.500M12 19.500V21M3 12h1.500M19.500 12H21M5.600 5.600l1 1M17.400 17.400l1 1M18.400 5.600l-1 1M6.600 17.400l-1 1",
  moon: "M19.500 14.500A8 8 0 0 1 9.500 4.500a8 8 0 1 0 10 10z",
  left: "M14.500 6 8.500 12l6 6",
  right: "M9.500 6l6 6-6 6",
  down: "M6 9.500l6 6 6-6",
  up: "M6 14.500l6-6 6 6",
  more: "M5 11.500v1M4.500 12h1M12 11.500v1M11.500 12h1M19 11.500v1M18.500 12h1",
  menu: "M4 7h16M4 12h16M4 17h16",
  edit: "M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19zM14 6.500l3.500 3.500",
  bookmark: "M7 4h10v16l-5-4-5 4z",
  filter: "M4 6h16M7 12h10M10 18h4",
  warning: "M12 4 21 19.500H3zM12 10v4.500M12 17v.01",
  stop: "M8.500 3.500h7l5 5v7l-5 5h-7l-5-5v-7zM9 9l6 6M15 9l-6 6",
  refresh: "M19 8a8 8 0 1 0 1 5M20 4v4.500h-4.500",
  person: "M12 12a4 4 0 1 1 0-8 4 4 0 0 1 0 8zM4.500 20c1-3.500 4-5.500 7.500-5.500s6.500 2 7.500 5.500",
  link: "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.500-5.500L12.500 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.500 5.500l1-1",
  play: "M7 5l12 7-12 7z",
  pause: "M8 5v14M16 5v14",
  send: "M4 12 20 4l-5 16-4-6.500zM11 13.500 20 4",
  eye: "M3 12c2.500-4.500 5.500-6.500 9-6.500s6.500 2 9 6.500c-2.500 4.500-5.500 6.500-9 6.500S5.500 16.500 3 12zM12 9.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5z",
  comment: "M4 5h16v11h-9l-4 4v-4H4z",
  out: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  exit: "M10 4H5v16h5M9 12h11M16 8l4 4-4 4",
  spark: "M12 3.500 14 10l6.500 2-6.500 2-2 6.500L10 14l-6.500-2L10 10z",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={paths[name]} />
    </svg>
  );
}
