// The other schemes of the merchants' signature (suffix, HMAC-SHA256, RSA2), computed without any other code:
// SHA-256 is FIPS 180-4, HMAC RFC 2104, RSA RFC 8017. It knows no private key, sends nothing, touches no page.
const JubaoStrong = (() => {
  'use strict';
  const { ascending, joined, pairs, filled, md5, widened, explain } =
    typeof module === 'undefined' ? JubaoSign : require('./sign.js');
  const utf8 = new TextEncoder();
  const BLOCK = 64;

  /** The first 32 bits behind the point of a root of a prime. */
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32);
  const PRIMES = Array.from({ length: 312 }, (_, at) => at)
    .filter((number) => number > 1 && !Array.from({ length: 17 }, (_, by) => by + 2)
      .some((by) => by < number && number % by === 0));
  const ROUNDS = PRIMES.slice(0, 64).map((prime) => fraction(Math.cbrt(prime)));
  const BEGIN = PRIMES.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
  const turn = (word, by) => (word >>> by) | (word << (32 - by));

  const schedule = (view, offset) => {
    const words = Array.from({ length: 16 }, (_, at) => view.getInt32(offset + 4 * at));
    for (let at = 16; at < 64; at += 1) {
      const [near, far] = [words[at - 15], words[at - 2]];
      const low = turn(near, 7) ^ turn(near, 18) ^ (near >>> 3);
      const high = turn(far, 17) ^ turn(far, 19) ^ (far >>> 10);
      words.push((words[at - 16] + low + words[at - 7] + high) | 0);
    }
    return words;
  };

  const compress = (state, words) => {
    let [a, b, c, d, e, f, g, h] = state;
    for (let at = 0; at < 64; at += 1) {
      const mixed = (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g));
      const first = (h + mixed + ROUNDS[at] + words[at]) | 0;
      const second = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [a, b, c, d, e, f, g, h] = [(first + second) | 0, a, b, c, (d + first) | 0, e, f, g];
    }
    return [a, b, c, d, e, f, g, h].map((word, at) => (word + state[at]) | 0);
  };

  /** SHA-256 of bytes. */
  const sha256 = (bytes) => {
    const length = (((bytes.length + 8) >> 6) + 1) << 6;
    const out = new Uint8Array(length);
    out.set(bytes);
    out[bytes.length] = 0x80;
    const view = new DataView(out.buffer);
    view.setUint32(length - 8, Math.floor(bytes.length / 2 ** 29));
    view.setUint32(length - 4, (bytes.length << 3) >>> 0);
    let state = BEGIN.map((word) => word | 0);
    for (let offset = 0; offset < length; offset += BLOCK) state = compress(state, schedule(view, offset));
    const digest = new DataView(new ArrayBuffer(32));
    state.forEach((word, at) => digest.setInt32(4 * at, word));
    return new Uint8Array(digest.buffer);
  };

  const concat = (first, second) => new Uint8Array([...first, ...second]);
  const hex = (bytes) =>
    Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('').toUpperCase();

  /** HMAC-SHA256 of bytes as upper-case hexadecimal digits. */
  const hmac = (key, bytes) => {
    const short = key.length > BLOCK ? sha256(key) : key;
    const block = new Uint8Array(BLOCK);
    block.set(short);
    const inner = sha256(concat(block.map((byte) => byte ^ 0x36), bytes));
    return hex(sha256(concat(block.map((byte) => byte ^ 0x5c), inner)));
  };

  const bytesOf = (base64) => {
    try {
      return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    } catch {
      return null;
    }
  };
  const number = (bytes) => BigInt(`0x${hex(bytes) || '0'}`);

  /** The parts of a DER sequence: tag and content of each; null if it is none. */
  const parts = (bytes) => {
    const found = [];
    for (let at = 0; at < bytes.length;) {
      const tag = bytes[at];
      let length = bytes[at + 1];
      at += 2;
      if (length > 0x80) {
        const digits = length - 0x80;
        length = bytes.slice(at, at + digits).reduce((sum, byte) => sum * 256 + byte, 0);
        at += digits;
      }
      if (!(at + length <= bytes.length)) return null;
      found.push([tag, bytes.slice(at, at + length)]);
      at += length;
    }
    return found;
  };
  const SEQUENCE = 0x30;
  const INTEGER = 0x02;
  const BITS = 0x03;

  const rsaKey = (der) => {
    const [outer, ...more] = parts(der) ?? [];
    if (outer?.[0] !== SEQUENCE || more.length > 0) return null;
    const inner = parts(outer[1]) ?? [];
    const tags = inner.map(([tag]) => tag).join();
    if (tags === `${INTEGER},${INTEGER}`) return { n: number(inner[0][1]), e: number(inner[1][1]) };
    // A SubjectPublicKeyInfo holds the key behind the byte that counts unused bits.
    return tags === `${SEQUENCE},${BITS}` ? rsaKey(inner[1][1].slice(1)) : null;
  };

  /** An RSA public key in PEM or bare Base64; null for whatever else, a private key above all. */
  const publicKey = (text) => {
    const lines = text.split('\n').map((line) => line.trim());
    const der = bytesOf(lines.filter((line) => !line.startsWith('-----')).join(''));
    const key = der === null || der.length === 0 ? null : rsaKey(der);
    return key !== null && key.n.toString(2).length >= 2048 ? key : null;
  };

  /** Whether a text looks like a private key, which must not be typed into any page. */
  const isPrivate = (text) => /PRIVATE KEY/.test(text);

  const power = (base, exponent, modulus) => {
    let [result, factor] = [1n, base % modulus];
    for (let rest = exponent; rest > 0n; rest >>= 1n) {
      if (rest & 1n) result = (result * factor) % modulus;
      factor = (factor * factor) % modulus;
    }
    return result;
  };

  // DER of a SHA-256 digest's name, in front of the digest.
  const NAMED = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0, 4, 32];

  /** Whether `signature` over bytes was made with the private half of a key (PKCS#1 v1.5, SHA-256). */
  const rsaVerifies = ({ n, e }, bytes, signature) => {
    const size = Math.ceil(n.toString(16).length / 2);
    if (signature.length !== size || number(signature) >= n) return false;
    const tail = [...NAMED, ...sha256(bytes)];
    const padding = new Array(size - tail.length - 3).fill(0xff);
    return power(number(signature), e, n) === number([0, 1, ...padding, 0, ...tail]);
  };

  const prepare = (fields) => {
    const sorted = ascending(fields.filter(([name]) => name !== 'sign'));
    const says = (name) => sorted.find(([other]) => other === name)?.[1];
    return { sorted, right: joined(sorted), isVersion2: says('version') === '2', signType: says('sign_type') };
  };

  /** The texts that somebody may have signed, the right one first, as the program tries them. */
  const texts = ({ sorted, right }) => [
    [null, right],
    ['SignTypeLeftOut', joined(sorted.filter(([name]) => name !== 'sign_type'))],
    ['EmptiesLeftOut', joined(filled(sorted))],
    ['JoinedWithSeparators', pairs(filled(sorted))],
  ];

  /** What a signature over the right text means: its form, or what is wrong beside the text. */
  const rightness = ({ isVersion2, signType, right }, wanted, isWidened) => {
    if (signType !== wanted) return 'SignTypeMissing';
    const isAscii = right === widened(right);
    if (isVersion2) return isWidened && !isAscii ? 'WidenedDespiteVersion2' : 'right-version2';
    return isWidened || isAscii ? 'right-widened' : 'right-plain';
  };

  /** The mistake, or the form, of a signature for which `isMade` says over which bytes it was made. */
  const findingOf = (who, wanted, isMade) => {
    for (const [mistake, text] of texts(who)) {
      const plain = isMade(utf8.encode(text));
      if (plain || isMade(utf8.encode(widened(text)))) return mistake ?? rightness(who, wanted, !plain);
    }
    return null;
  };

  const hmacFinding = (who, key, given) => {
    const isMade = (bytes) => hmac(utf8.encode(key), bytes) === given;
    const found = findingOf(who, 'HMAC-SHA256', isMade);
    if (found !== null) return found;
    const around = key + who.right + key;
    if (hex(sha256(utf8.encode(around))) === given) return 'HashInsteadOfHmac';
    const isAround = isMade(utf8.encode(around)) || isMade(utf8.encode(widened(around)));
    return isAround ? 'HmacWithKeyAround' : null;
  };

  const rsaFinding = (who, publicText, signature) => {
    const key = publicKey(publicText);
    if (key === null) return 'NoPublicKey';
    return findingOf(who, 'RSA2', (bytes) => rsaVerifies(key, bytes, signature));
  };

  const suffixSign = (fields, key) =>
    md5(utf8.encode(`${pairs([...filled(prepare(fields).sorted), ['key', key]])}`));

  const md5Finding = (scheme, fields, key, given) => {
    if (scheme === 'suffix') {
      if (suffixSign(fields, key) === given) return 'right-suffix';
      return explain(fields, key, given).finding?.startsWith('right-') ? 'md5-not-suffix' : null;
    }
    const { finding } = explain(fields, key, given);
    const isStrong = ['HMAC-SHA256', 'RSA2'].includes(prepare(fields).signType);
    return finding?.startsWith('right-') && isStrong ? 'Md5DespiteSignType' : finding;
  };

  /** What became of the signature `given`: a form in which it is right, a mistake, or null. */
  const judge = (scheme, fields, { key, publicText }, given) => {
    const [who, wanted] = [prepare(fields), given.trim()];
    const digits = /^[0-9A-Fa-f]+$/.test(wanted) ? wanted.toUpperCase() : '';
    if (digits.length === 32) return md5Finding(scheme, fields, key, digits);
    if (digits.length === 64) return hmacFinding(who, key, digits);
    const signature = bytesOf(wanted);
    return signature !== null && signature.length >= 128 ? rsaFinding(who, publicText, signature) : 'NoSignature';
  };

  /** What is signed by a scheme, with the key where it stands in it, and the signatures that a page can make. */
  const make = (scheme, fields, key, shown) => {
    const { sorted, right } = prepare(fields);
    const both = (sign) => ({ plain: sign(right), widened: sign(widened(right)) });
    switch (scheme) {
      case 'suffix':
        return { text: `${pairs([...filled(sorted), ['key', shown]])}`, plain: suffixSign(fields, key) };
      case 'hmac-sha256':
        return { text: right, ...both((text) => hmac(utf8.encode(key), utf8.encode(text))) };
      case 'rsa2':
        return { text: right };
      default:
        return { text: shown + right + shown, ...both((text) => md5(utf8.encode(key + text + key))) };
    }
  };

  return { sha256: (bytes) => hex(sha256(bytes)), hmac, publicKey, isPrivate, judge, make };
})();
if (typeof module !== 'undefined') module.exports = JubaoStrong;
