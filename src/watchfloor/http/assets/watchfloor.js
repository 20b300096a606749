// Optional comfort: clocks that run down, and a warning when the server is out of reach. Every page works without it.
"use strict";

const clocks = document.querySelectorAll("[data-deadline-ms]");

function left(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds === 0) return "time is up";
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes}:${rest}`;
}

// The server says how much time was left when it drew the page; the browser's own clock may be wrong.
const drawn = performance.now();
function tick() {
  for (const clock of clocks) {
    const ms = Number(clock.dataset.deadlineMs) - (performance.now() - drawn);
    clock.textContent = left(ms);
    clock.classList.toggle("soon", ms < 300000);
  }
}
if (clocks.length > 0) {
  tick();
  setInterval(tick, 1000);
}

const lost = document.getElementById("lost");
async function ask() {
  let reachable = false;
  try {
    const answer = await fetch("/live", { cache: "no-store", signal: AbortSignal.timeout(3000) });
    reachable = answer.ok;
  } catch {
    reachable = false;
  }
  lost.hidden = reachable;
  for (const button of document.querySelectorAll("button[data-needs-server]")) button.disabled = !reachable;
}
if (lost !== null) setInterval(ask, 4000);
