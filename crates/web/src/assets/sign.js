// The merchants' signature (contract of the reference's signature page) and the mistakes that clients make
// with it, computed without any other code: MD5 is RFC 1321. It sends nothing and touches no page.
const JubaoSign = (() => {
  'use strict';
  const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
  const SINES = Array.from({ length: 64 }, (_, at) => Math.floor(Math.abs(Math.sin(at + 1)) * 2 ** 32));
  const utf8 = new TextEncoder();

  const padded = (bytes) => {
    const length = (((bytes.length + 8) >> 6) + 1) << 6;
    const out = new Uint8Array(length);
    out.set(bytes);
    out[bytes.length] = 0x80;
    const view = new DataView(out.buffer);
    view.setUint32(length - 8, (bytes.length << 3) >>> 0, true);
    view.setUint32(length - 4, Math.floor(bytes.length / 2 ** 29), true);
    return view;
  };

  const turn = (word, by) => (word << by) | (word >>> (32 - by));

  const round = (state, view, offset) => {
    let [a, b, c, d] = state;
    for (let at = 0; at < 64; at += 1) {
      const part = at >> 4;
      const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][part];
      const from = [at, 5 * at + 1, 3 * at + 5, 7 * at][part] % 16;
      const sum = (a + mixed + SINES[at] + view.getUint32(offset + 4 * from, true)) | 0;
      [a, b, c, d] = [d, (b + turn(sum, SHIFTS[part][at % 4])) | 0, b, c];
    }
    return [a, b, c, d].map((word, at) => (word + state[at]) | 0);
  };

  /** MD5 of bytes as upper-case hexadecimal digits. */
  const md5 = (bytes) => {
    const view = padded(bytes);
    let state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
    for (let offset = 0; offset < view.byteLength; offset += 64) state = round(state, view, offset);
    const out = new DataView(new ArrayBuffer(16));
    state.forEach((word, at) => out.setInt32(4 * at, word, true));
    const digits = Array.from(new Uint8Array(out.buffer), (byte) => byte.toString(16).padStart(2, '0'));
    return digits.join('').toUpperCase();
  };

  /** PHP's utf8_encode: each byte of the UTF-8 form as a letter of its own. */
  const widened = (text) => String.fromCharCode(...utf8.encode(text));

  // A spread has a limit of arguments: long texts go in pieces.
  const widenedLong = (text) => {
    const pieces = [];
    for (const letter of text) pieces.push(widened(letter));
    return pieces.join('');
  };

  const byBytes = ([left], [right]) => {
    const [a, b] = [utf8.encode(left), utf8.encode(right)];
    const at = a.findIndex((byte, index) => byte !== b[index]);
    return at < 0 ? a.length - b.length : a[at] - (b[at] ?? -1);
  };
  const ascending = (fields) => [...fields].sort(byBytes);
  const joined = (fields) => fields.map(([name, value]) => name + value).join('');
  const pairs = (fields) => fields.map(([name, value]) => `${name}=${value}`).join('&');
  const filled = (fields) => fields.filter(([, value]) => value !== '');

  const percent = (value) =>
    encodeURIComponent(value).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  const form = (value) => new URLSearchParams([['', value]]).toString().slice(1);
  const encoded = (fields, encode) => fields.map(([name, value]) => name + encode(value)).join('');

  const folded = (fields) => {
    const fold = (name) => name.toLowerCase().replaceAll('_', '\0');
    return [...fields].sort((left, right) => byBytes([fold(left[0])], [fold(right[0])]));
  };

  const AMOUNTS = ['discount', 'refund_fee', 'total_fee'];
  const upper = (text) => text.replace(/[a-z]/g, (letter) => letter.toUpperCase());
  const lower = (text) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const camel = (name) => name.replace(/_([^_]?)/g, (_, letter) => upper(letter));
  const isWhole = (value) => /^[0-9]+$/.test(value);
  const yuan = (fen) => {
    const padded = fen.padStart(3, '0');
    return `${padded.slice(0, -2)}.${padded.slice(-2)}`;
  };

  /**
   * The texts that each mistake makes, the key among them. `sent` is in the order in which it came,
   * `right` is the text that should be signed.
   */
  const MISTAKES = {
    EmptiesLeftOut: ({ sorted, around }) => [around(joined(filled(sorted)))],
    WidenedDespiteVersion2: ({ right, around, isVersion2 }) => (isVersion2 ? [around(widenedLong(right))] : []),
    WidenedTwice: ({ right, around }) => [around(widenedLong(widenedLong(right)))],
    JoinedWithSeparators: ({ sorted, around }) => [around(pairs(filled(sorted))), around(pairs(sorted))],
    KeySuffix: ({ sorted, key }) => [`${pairs(filled(sorted))}&key=${key}`, `${pairs(sorted)}&key=${key}`],
    KeyOnlyInFront: ({ right, key }) => [key + right],
    KeyOnlyBehind: ({ right, key }) => [right + key],
    Unsorted: ({ sorted, sent, around }) => [around(joined(sent)), around(joined(folded(sorted)))],
    SignIncluded: ({ sorted, around }) => [around(joined(ascending([...sorted, ['sign', '']])))],
    ValuesUrlEncoded: ({ sorted, around }) => [around(encoded(sorted, percent)), around(encoded(sorted, form))],
    NamesLeftOut: ({ sorted, around }) => [around(sorted.map(([, value]) => value).join(''))],
    SortedWithoutCase: ({ sorted, around }) => [
      around(joined([...sorted].sort((left, right) => byBytes([upper(left[0])], [upper(right[0])])))),
    ],
    NamesRespelled: ({ sorted, around }) => [upper, camel].map((spell) =>
      around(joined(ascending(sorted.map(([name, value]) => [spell(name), value]))))),
    LowerCased: ({ right, around }) => [around(lower(right))],
    NumbersReformatted: ({ sorted, around }) => [
      ...['.0', '.00'].map((decimals) =>
        around(joined(sorted.map(([name, value]) => [name, isWhole(value) ? value + decimals : value])))),
      around(joined(sorted.map(([name, value]) =>
        [name, AMOUNTS.includes(name) && isWhole(value) ? yuan(value) : value]))),
    ],
    KeyPadded: ({ right, key }) =>
      [['', ' '], ['', '\n'], ['', '\r\n'], ['', '\t'], [' ', ''], ['\ufeff', '']]
        .map(([before, behind]) => before + key + behind)
        .map((padded) => padded + right + padded),
    KeyRespelled: ({ right, key }) => [upper(key), lower(key)].map((spelled) => spelled + right + spelled),
  };

  /** A request to be looked at: `fields` are names and texts in the order in which they were sent. */
  const patient = (fields, key) => {
    const sent = fields.filter(([name]) => name !== 'sign');
    const sorted = ascending(sent);
    const isVersion2 = sorted.some(([name, value]) => name === 'version' && value === '2');
    const around = (text) => key + text + key;
    return { sent, sorted, isVersion2, around, key, right: joined(sorted) };
  };

  /** The texts, key and all, that are signed by who makes a mistake. */
  const texts = (mistake, fields, key) => MISTAKES[mistake](patient(fields, key));

  const mistakeIn = (who, wanted) => {
    const isMade = (text) =>
      text !== who.around(who.right) &&
      (md5(utf8.encode(text)) === wanted || md5(utf8.encode(widenedLong(text))) === wanted);
    return Object.keys(MISTAKES).find((name) => MISTAKES[name](who).some(isMade)) ?? null;
  };

  /** Explains the signature `given` over `fields`. */
  const explain = (fields, key, given) => {
    const who = patient(fields, key);
    const plain = md5(utf8.encode(who.around(who.right)));
    const wide = md5(utf8.encode(key + widenedLong(who.right) + key));
    const made = { text: who.right, plain, widened: wide };
    const wanted = given.trim().toUpperCase();
    if (who.isVersion2 && wanted === plain) return { ...made, finding: 'right-version2' };
    if (!who.isVersion2 && wanted === wide) return { ...made, finding: 'right-widened' };
    if (!who.isVersion2 && wanted === plain) return { ...made, finding: 'right-plain' };
    return { ...made, finding: mistakeIn(who, wanted) };
  };

  /** Members of a JSON object or a form, as names and texts; null if it is neither. */
  const read = (text) => {
    const trimmed = text.trim();
    if (!trimmed.startsWith('{')) {
      return trimmed.includes('=') ? [...new URLSearchParams(trimmed)] : null;
    }
    // Numbers keep their spelling: each is read as a text. What is no integer is no member.
    const quoted = trimmed.replace(/("(?:[^"\\]|\\.)*")|(-?\d[\d.eE+-]*)/g, (_, string, number) =>
      string ?? (/^-?\d+$/.test(number) ? `"${number}"` : 'false'));
    try {
      const members = Object.entries(JSON.parse(quoted));
      const isFlat = members.every(([, value]) => value === null || typeof value === 'string');
      return isFlat ? members.map(([name, value]) => [name, value ?? '']) : null;
    } catch {
      return null;
    }
  };

  return { md5, explain, read, texts, mistakes: Object.keys(MISTAKES), ascending, joined, pairs, filled, widened: widenedLong };
})();
if (typeof module !== 'undefined') module.exports = JubaoSign;
