// The payer's page, live. The server says what is true; this script only fetches it again.
(() => {
  "use strict";
  const POLL_MS = 3000, RETURN_SECONDS = 5, MISSES_SHOWN = 2;
  const byId = (id) => document.getElementById(id);
  const data = () => byId("main").dataset;
  let source = null, deadline = 0, misses = 0, isBusy = false, isStale = false, wasLive = false, returning = 0;

  const isFinal = () => "final" in data();

  // News: {"state":"SUCCESS","status":2,"paid":true}.
  const hear = (text) => {
    missed(0);
    let news;
    try { news = JSON.parse(text); } catch { return; }
    if (news.state && news.state !== data().state) refresh();
  };

  const missed = (count) => {
    misses = count;
    const offline = byId("offline");
    if (offline) offline.hidden = misses < MISSES_SHOWN;
  };

  const listen = () => {
    if (source || isFinal() || !window.EventSource) return;
    source = new EventSource(data().events);
    source.onmessage = (event) => hear(event.data);
    source.onerror = () => {
      if (source && source.readyState === EventSource.CLOSED) source = null;
    };
  };

  const stop = () => {
    if (source) source.close();
    source = null;
  };

  // While no event stream is open, ask.
  const poll = async () => {
    if (isFinal() || document.hidden || (source && source.readyState === EventSource.OPEN)) return;
    try {
      const answer = await fetch(data().poll, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      hear(await answer.text());
    } catch {
      missed(misses + 1);
    }
  };

  // Fetches this page again and puts its main part in the place of ours.
  const refresh = async () => {
    if (isBusy) return;
    isBusy = true;
    isStale = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = next.getElementById("main");
      if (!main) throw new Error("no main part");
      wasLive = true;
      byId("main").replaceWith(document.adoptNode(main));
      document.title = next.title;
      byId("live").textContent = main.dataset.say;
      missed(0);
      isStale = false;
      begin();
    } catch {
      missed(misses + 1);
    } finally {
      isBusy = false;
    }
  };

  const two = (number) => String(number).padStart(2, "0");
  const clock = (seconds) => {
    const hours = Math.floor(seconds / 3600);
    const rest = two(Math.floor(seconds / 60) % 60) + ":" + two(seconds % 60);
    return hours > 0 ? hours + ":" + rest : rest;
  };

  const tick = () => {
    const timer = byId("countdown");
    if (!timer) return;
    const left = Math.max(0, Math.ceil((deadline - performance.now()) / 1000));
    timer.textContent = clock(left);
    timer.classList.toggle("soon", left < 60);
    if (left === 0) {
      timer.removeAttribute("id");
      refresh();
    }
  };

  // Only a payer who saw the payment succeed is taken back; whoever opens a paid page again is not.
  const takeBack = () => {
    const link = byId("return"), stay = byId("stay");
    if (!wasLive || returning || !link || !stay || !link.dataset.soon) return;
    const label = link.textContent;
    let left = RETURN_SECONDS;
    const show = () => { link.textContent = link.dataset.soon.replace("{}", left); };
    const cancel = () => {
      clearInterval(returning);
      link.textContent = label;
      stay.hidden = true;
      link.focus();
    };
    stay.hidden = false;
    stay.addEventListener("click", cancel);
    show();
    returning = setInterval(() => {
      left -= 1;
      if (left > 0) return show();
      clearInterval(returning);
      location.assign(link.href);
    }, 1000);
  };

  const begin = () => {
    const timer = byId("countdown");
    if (timer) deadline = performance.now() + Number(timer.dataset.left);
    if (isFinal()) {
      stop();
      takeBack();
    } else {
      listen();
    }
  };

  begin();
  setInterval(tick, 500);
  setInterval(() => {
    listen();
    if (isStale) refresh(); else poll();
  }, POLL_MS);
  // A phone that comes back from its wallet asks at once.
  document.addEventListener("visibilitychange", () => { if (!document.hidden) poll(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted && !isFinal()) refresh(); });
  window.addEventListener("pagehide", stop);
})();
