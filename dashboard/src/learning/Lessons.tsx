/** Shows each lesson once per browser, when its event happens for the first time. */
import { notifications } from "@mantine/notifications";
import { useEvents } from "../live/LiveProvider";
import { newLessons } from "./lessons";

const KEY = "watchfloor-taught";

function taught(): Set<string> {
  return new Set((localStorage.getItem(KEY) ?? "").split(",").filter(Boolean));
}

export function Lessons() {
  useEvents((batch) => {
    const before = taught();
    const lessons = newLessons(batch, before);
    if (!lessons.length) return;
    localStorage.setItem(KEY, [...before, ...lessons.map((one) => one.id)].join(","));
    for (const lesson of lessons) {
      notifications.show({
        id: `lesson-${lesson.id}`,
        title: lesson.title,
        message: lesson.text,
        color: "petrol",
        autoClose: 20_000,
      });
    }
  });
  return null;
}
