// Keeps what the shop heard up to date: fetches the page again and replaces its live parts.
(() => {
  "use strict";
  const REFRESH_MS = 3000;
  const parts = (root) => [...root.querySelectorAll(".live")];
  let last = parts(document).map((part) => part.outerHTML);
  setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return;
      const next = parts(new DOMParser().parseFromString(await answer.text(), "text/html"));
      const now = parts(document);
      if (next.length !== now.length) return;
      next.forEach((part, at) => {
        const text = part.outerHTML;
        if (text === last[at]) return;
        last[at] = text;
        now[at].replaceWith(document.adoptNode(part));
      });
    } catch {
      // The next round asks again.
    }
  }, REFRESH_MS);
})();
