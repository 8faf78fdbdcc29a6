// The reference's pages: samples can be copied, the reader's language stays open, and results come while
// the search is typed. Without this script everything works, one click more.
(() => {
  'use strict';
  const english = document.documentElement.lang === 'en';
  const KEPT = 'jubao-sample';
  const TYPING_MS = 150;

  const copyButton = (block) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'copy';
    button.textContent = english ? 'Copy' : '复制';
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(block.querySelector('code').textContent);
      button.textContent = english ? 'Copied' : '已复制';
    });
    block.append(button);
  };
  if (navigator.clipboard) document.querySelectorAll('.code').forEach(copyButton);

  const kept = (() => { try { return localStorage.getItem(KEPT); } catch { return null; } })();
  for (const details of document.querySelectorAll('.samples details')) {
    if (kept && details.dataset.language === kept) details.open = true;
    details.querySelector('summary').addEventListener('click', () => {
      try { localStorage.setItem(KEPT, details.dataset.language); } catch { /* It is not kept, then. */ }
    });
  }

  const results = document.getElementById('results');
  const input = document.getElementById('q');
  if (!results || !input) return;
  let timer;
  let asked = 0;
  const search = async () => {
    const mine = (asked += 1);
    const address = new URL(location.href);
    address.searchParams.set('q', input.value);
    const answer = await fetch(address);
    if (!answer.ok || mine !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    results.replaceChildren(...page.getElementById('results').childNodes);
    history.replaceState(null, '', address);
  };
  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => search().catch(() => {}), TYPING_MS);
  });
  input.focus();
})();
