// A merchant's server in a few lines, for orders that the shop does not sell: it signs as section
// 1.2 of the merchants' document says.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

/** Upper-case MD5 over the key, the members in the order of their names, and the key. */
const sign = (members, key) => {
  const names = Object.keys(members).sort();
  const text = names.map((name) => `${name}${members[name]}`).join('');
  return createHash('md5').update(`${key}${text}${key}`).digest('hex').toUpperCase();
};

const call = async (demo, path, wishes) => {
  const { mch_id, appid, key } = demo.merchant;
  const members = { mch_id, appid, version: '2', ...wishes };
  const answer = await fetch(demo.api + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...members, sign: sign(members, key) }),
  });
  const said = await answer.json();
  assert.equal(said.code, 200, `${path}: ${said.message}`);
  return said.data;
};

/** Places an order; the answer has `sn` and `code_url`. */
export const place = (demo, product, wishes = {}) =>
  call(demo, '/payment/pay', {
    pay_channel_id: String(product),
    total_fee: '1234567890',
    out_trade_no: `E2E${randomBytes(8).toString('hex')}`,
    ...wishes,
  });

/** Closes an order. */
export const close = (demo, sn) => call(demo, '/order/close', { sn });

/** A simulated payer pays somewhere that no browser of ours sees. */
export const payElsewhere = async (demo, sn) => {
  const answer = await fetch(`${demo.sim}/pay/${sn}`, { method: 'POST' });
  assert.equal(answer.status, 200, await answer.text());
};

/** Has the next operations of a simulated upstream go wrong. */
export const breakUpstream = async (demo, fault) => {
  const answer = await fetch(`${demo.sim}/faults`, { method: 'POST', body: JSON.stringify(fault) });
  assert.equal(answer.status, 200, await answer.text());
};
