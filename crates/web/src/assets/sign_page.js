// The signature's page: what is typed is computed at once and shown, the key masked. Nothing is kept.
(() => {
  'use strict';
  const by = (id) => document.getElementById(id);
  const MASK = '<key>';
  const word = (name) => document.querySelector(`#words [data-word="${name}"]`).textContent;

  const verdict = (finding) => {
    if (finding === null) return word('unexplained');
    return (finding.startsWith('right-') ? '✓ ' : word('mistake')) + word(finding);
  };

  /** What is shown for a scheme, and what is hidden. */
  const arrange = (scheme, made) => {
    by('shared').hidden = scheme === 'rsa2';
    by('rsa').hidden = scheme !== 'rsa2';
    for (const id of ['plain', 'widened']) {
      by(id).textContent = made?.[id] ?? '';
      by(`${id}-row`).hidden = made?.[id] === undefined;
    }
  };

  const show = () => {
    const [text, scheme] = [by('members').value, by('scheme').value];
    // A private key is at once forgotten, and that is said for good.
    if (JubaoStrong.isPrivate(by('public').value)) {
      by('public').value = '';
      by('forgotten').hidden = false;
    }
    const fields = JubaoSign.read(text);
    by('made').hidden = fields === null;
    if (fields === null) {
      arrange(scheme, null);
      by('verdict').textContent = text.trim() === '' ? '' : word('unreadable');
      return;
    }
    const keys = { key: by('key').value, publicText: by('public').value };
    const inside = fields.find(([name]) => name === 'sign');
    const given = by('given').value.trim() || (inside ? inside[1] : '');
    const made = JubaoStrong.make(scheme, fields, keys.key, by('show').checked ? keys.key : MASK);
    by('text').textContent = made.text;
    arrange(scheme, made);
    by('verdict').textContent = given === '' ? '' : verdict(JubaoStrong.judge(scheme, fields, keys, given));
  };

  by('show').addEventListener('change', () => {
    by('key').type = by('show').checked ? 'text' : 'password';
    show();
  });
  for (const id of ['scheme', 'members', 'key', 'public', 'given']) by(id).addEventListener('input', show);
  by('doctor').hidden = false;
  show();
})();
