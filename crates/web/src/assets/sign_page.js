// The signature's page: what is typed is computed at once and shown, the key masked. Nothing is kept.
(() => {
  'use strict';
  const by = (id) => document.getElementById(id);
  const MASK = '<key>';
  const word = (name) => document.querySelector(`#words [data-word="${name}"]`).textContent;

  const verdict = (made, given) => {
    if (given === '') return '';
    if (made.finding === null) return word('unexplained');
    const isRight = made.finding.startsWith('right-');
    return (isRight ? '✓ ' : word('mistake')) + word(made.finding);
  };

  const show = () => {
    const text = by('members').value;
    const fields = JubaoSign.read(text);
    by('made').hidden = fields === null;
    if (fields === null) {
      by('verdict').textContent = text.trim() === '' ? '' : word('unreadable');
      return;
    }
    const key = by('key').value;
    const inside = fields.find(([name]) => name === 'sign');
    const given = by('given').value.trim() || (inside ? inside[1] : '');
    const made = JubaoSign.explain(fields, key, given);
    const shown = by('show').checked ? key : MASK;
    by('text').textContent = shown + made.text + shown;
    by('plain').textContent = made.plain;
    by('widened').textContent = made.widened;
    by('verdict').textContent = verdict(made, given);
  };

  by('show').addEventListener('change', () => {
    by('key').type = by('show').checked ? 'text' : 'password';
    show();
  });
  for (const id of ['members', 'key', 'given']) by(id).addEventListener('input', show);
  by('doctor').hidden = false;
  show();
})();
