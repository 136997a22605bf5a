// Keeps #live as the server has it now: the same page is asked for again, and that part of it taken over.
"use strict";

const live = document.getElementById("live");

async function refresh() {
  try {
    const answer = await fetch(location.href, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    live.replaceChildren(...fresh.childNodes);
    live.dataset.every = fresh.dataset.every || "";
    live.classList.remove("stale");
  } catch {
    live.classList.add("stale");
  }
}

async function keepFresh() {
  // Nothing is taken away from under a hand: a button that has the focus stays
  if (!document.hidden && !live.contains(document.activeElement)) await refresh();
  if (live.dataset.every) setTimeout(keepFresh, Number(live.dataset.every));
}

if (live?.dataset.every) setTimeout(keepFresh, Number(live.dataset.every));
