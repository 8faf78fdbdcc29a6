// The client that the other samples use: signs, sends, verifies. Node 18 or later, nothing else.

import { createHash } from 'node:crypto';

const { JUBAO_API, JUBAO_MCH_ID, JUBAO_KEY } = process.env;

/** MD5 over the key, name and value of every parameter but sign in the order of names, and the key. */
export const sign = (params) => {
  const names = Object.keys(params).filter((name) => name !== 'sign').sort();
  const text = names.map((name) => `${name}${params[name]}`).join('');
  return createHash('md5').update(JUBAO_KEY + text + JUBAO_KEY).digest('hex').toUpperCase();
};

export const isSigned = (params) => sign(params) === String(params.sign ?? '').toUpperCase();

/** Calls an operation; gives back the whole answer, its data verified. */
export const call = async (path, wishes) => {
  const params = { mch_id: JUBAO_MCH_ID, version: 2, ...wishes };
  // No answer in time throws: repeat the same request, or query.
  const response = await fetch(JUBAO_API + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...params, sign: sign(params) }),
    signal: AbortSignal.timeout(15_000),
  });
  const answer = await response.json();
  if (answer.data && !isSigned(answer.data)) throw new Error('the answer is not signed with our key');
  return answer;
};
