// The npm package tenpay 2.1.18 as a client of our simulated WeChat Pay v2: whatever the simulator
// gets wrong, the SDK that merchants use refuses. Standard output is one line of JSON; the exit code
// is 1 if any check failed.
//
//   SIM=http://127.0.0.1:8081 APPID=… MCHID=… API_KEY=… CURRENCY=CNY node tenpay_judge.mjs
//
// PREFIX is the path below which the simulator is, if it is not the root; CURRENCY is what its orders
// are in. Payments are made by POST SIM/pay/OUT_TRADE_NO, the time is moved by POST SIM/clock.

import { randomBytes, randomInt } from 'node:crypto';
import Payment from 'tenpay';
import { check, judge, listen, pay, setting, sim, wait } from './judge.mjs';

const [appid, mchid, partnerKey] = ['APPID', 'MCHID', 'API_KEY'].map(setting);
const currency = setting('CURRENCY');
const prefix = process.env.PREFIX ?? '';
const total = 1314;

/** The SDK under a merchant’s key, with the simulator’s address in place of WeChat’s own. */
const client = (key) => {
  const made = new Payment({ appid, mchid, partnerKey: key });
  for (const [name, url] of Object.entries(made.urls)) {
    made.urls[name] = url.replace('https://api.mch.weixin.qq.com', `${sim}${prefix}`);
  }
  return made;
};
const sdk = client(partnerKey);

/** What the SDK's middleware makes of a notification: its members, and the answer to it. */
const receive = async (body) => {
  const type = body.includes('<req_info>') ? 'refund' : 'pay';
  const request = { body };
  let answer = '';
  const response = { header: () => {}, send: (text) => (answer = text) };
  await sdk.middlewareForExpress(type)(request, response, () => response.reply());
  const notice = request.weixin ?? {};
  const { refund_id: refund, out_refund_no: number } = notice.req_info ?? {};
  return { answer, key: refund ? `refund ${number}` : `pay ${notice.out_trade_no}`, notice: { notice, body } };
};
const listener = await listen(receive);
sdk.notify_url = listener.url;
sdk.refund_url = listener.url;

/** Calls the SDK, which verifies the answer or throws. */
const call = async (name, params, by = sdk) => {
  try {
    return await by[name](params);
  } catch (error) {
    check(false, `${name}: ${error.message}`);
    return {};
  }
};

/** The error that the SDK throws: WeChat's `err_code`, or `return_msg`. */
const refusal = async (name, params, by = sdk) => {
  try {
    await by[name](params);
  } catch (error) {
    return error.message;
  }
  return 'no refusal';
};

const number = () => `judge${randomBytes(12).toString('hex')}`;
const order = (no, more) => ({
  out_trade_no: no,
  body: '聚宝烤鸭（半只）& <汤>',
  total_fee: total,
  fee_type: currency,
  attach: '第 1 桌',
  ...more,
});
const native = (no, more) => order(no, { trade_type: 'NATIVE', product_id: '1', ...more });

const verifiedPayment = async (no, transactionId) => {
  const heard = await listener.heard(`pay ${no}`);
  check(heard !== null, 'a notification comes');
  if (heard === null) return;
  const { notice, body } = heard;
  check(notice.result_code === 'SUCCESS', 'the notification tells a success');
  check(notice.total_fee === String(total), 'the notification tells the amount');
  check(notice.fee_type === currency, 'the notification tells the currency');
  check(notice.transaction_id === transactionId, 'the notification tells WeChat’s number');
  check(notice.attach === '第 1 桌', 'the notification gives back what was attached');
  check(/^\d{14}$/.test(notice.time_end ?? ''), 'the notification tells when');
  const forged = await receive(body.replace(String(total), '0001'));
  check(forged.answer.includes('FAIL'), 'a changed notification does not verify');
};

/** A code that is scanned and paid, signed with one of the two digests. */
const paid = (sign_type) => async () => {
  const no = number();
  const placed = await call('unifiedOrder', native(no, { sign_type }));
  check(placed.trade_type === 'NATIVE' && Boolean(placed.code_url), `${sign_type}: a code`);
  check(/^wx\w+$/.test(placed.prepay_id ?? ''), 'a prepay_id');
  const before = await call('orderQuery', { out_trade_no: no, sign_type });
  check(before.trade_state === 'NOTPAY' && !before.transaction_id, 'the query says that it waits');
  const other = await refusal('unifiedOrder', native(no, { sign_type, total_fee: total + 1 }));
  check(other === 'INVALID_REQUEST', `the number with another amount: ${other}`);

  check((await pay(no)) === 200, 'it can be paid');
  const after = await call('orderQuery', { out_trade_no: no, sign_type });
  check(after.trade_state === 'SUCCESS' && after.total_fee === String(total), 'the query says paid');
  check(after.fee_type === currency && after.cash_fee_type === 'CNY', 'the query tells the currencies');
  check(/^4200\d{24}$/.test(after.transaction_id ?? ''), 'the query tells WeChat’s number');
  const named = await call('orderQuery', { transaction_id: after.transaction_id, sign_type });
  check(named.out_trade_no === no, 'WeChat’s number finds the order');
  check((await refusal('unifiedOrder', native(no, { sign_type }))) === 'ORDERPAID', 'paid, and placed again');
  check((await refusal('closeOrder', { out_trade_no: no, sign_type })) === 'ORDERPAID', 'paid, and closed');
  await verifiedPayment(no, after.transaction_id);
};

/** Pages inside WeChat, and apps: the SDK signs what the payer's side is given. */
const prepaid = async () => {
  const openid = 'oxoPW5SUhI5lMvZgkQb2yTt1';
  const page = await call('getPayParams', order(number(), { openid }));
  check(/^prepay_id=wx/.test(page.package ?? ''), 'a page inside WeChat');
  const app = await call('getAppParams', order(number()));
  check(/^wx/.test(app.prepayid ?? ''), 'an app');
  const nobody = await refusal('unifiedOrder', order(number()));
  check(nobody === 'PARAM_ERROR', `a page without a payer: ${nobody}`);
  const scene_info = JSON.stringify({ h5_info: { type: 'Wap', wap_url: 'https://shop.example', wap_name: 'x' } });
  const h5 = await call('unifiedOrder', order(number(), { trade_type: 'MWEB', scene_info }));
  check(/^https?:/.test(h5.mweb_url ?? ''), 'a page outside of WeChat');
};

const closed = async () => {
  const no = number();
  await call('unifiedOrder', native(no));
  await call('closeOrder', { out_trade_no: no });
  check((await call('orderQuery', { out_trade_no: no })).trade_state === 'CLOSED', 'the query says closed');
  check((await pay(no)) !== 200, 'a closed order cannot be paid');
  check((await refusal('unifiedOrder', native(no))) === 'ORDERCLOSED', 'closed, and placed again');
};

/** Two refunds, each asked for, found, and told in a sealed notification. */
const refunded = async () => {
  const no = number();
  await call('unifiedOrder', native(no));
  await pay(no);
  const refund = (out_refund_no, refund_fee) => ({
    out_trade_no: no, out_refund_no, refund_fee, total_fee: total, refund_fee_type: currency, refund_desc: '少了一件',
  });
  const [first, rest] = [`${no}1`, `${no}2`];
  const asked = await call('refund', refund(first, 500));
  check(/^50000\d+$/.test(asked.refund_id ?? ''), 'a refund is accepted');
  check(asked.refund_fee === '500' && asked.total_fee === String(total), 'its answer tells the amounts');
  const again = await call('refund', refund(first, 500));
  check(again.refund_id === asked.refund_id, 'the same refund again is one');
  check((await refusal('refund', refund(first, 501))) === 'REFUND_FEE_MISMATCH', 'another amount is refused');
  const over = await refusal('refund', refund(rest, total - 499));
  check(over !== 'no refusal', 'more than is left is refused');
  const pending = await call('refundQuery', { out_refund_no: first });
  check(pending.refund_status_0 === 'PROCESSING', 'a refund takes its time');
  await wait(6);
  const done = await call('refundQuery', { out_refund_no: first });
  check(done.refund_status_0 === 'SUCCESS' && done.refund_fee_0 === '500', 'the refund is done');
  check(Boolean(done.refund_success_time_0), 'when it was done');
  await unsealed(no, first, '500');

  await call('refund', refund(rest, total - 500));
  await wait(6);
  const all = await call('refundQuery', { out_trade_no: no });
  check(all.refund_count === '2' && all.out_refund_no_1 === rest, 'both refunds are found');
  check((await call('orderQuery', { out_trade_no: no })).trade_state === 'REFUND', 'the order is refunded');
  await unsealed(no, rest, String(total - 500));
  const none = await refusal('refundQuery', { out_refund_no: 'never' });
  check(none === 'REFUNDNOTEXIST', `a refund that is not there: ${none}`);
};

const unsealed = async (no, out_refund_no, fee) => {
  const heard = await listener.heard(`refund ${out_refund_no}`);
  check(heard !== null, 'a notification of the refund comes');
  const told = heard?.notice.req_info ?? {};
  check(told.out_trade_no === no && told.refund_fee === fee, 'it names the order and the amount');
  check(told.refund_status === 'SUCCESS', 'it tells that the refund is done');
};

/** A payer's code, charged and reversed; the last two digits choose what happens. */
const charged = async () => {
  const code = (outcome) => `13${randomInt(1e13, 9e13)}${outcome}`;
  const charge = (no, auth_code) => order(no, { auth_code });
  const [no, used] = [number(), code('00')];
  const done = await call('micropay', charge(no, used));
  check(done.trade_type === 'MICROPAY' && done.total_fee === String(total), 'a code is charged');
  check(Boolean(done.transaction_id) && Boolean(done.openid) && Boolean(done.bank_type), 'by whom');
  const again = await refusal('micropay', charge(number(), used));
  check(again === 'AUTHCODEEXPIRE', `a code is good for once: ${again}`);
  const undone = await call('reverse', { out_trade_no: no });
  check(undone.recall === 'N', 'a paid order is reversed');
  check((await call('orderQuery', { out_trade_no: no })).trade_state === 'REVOKED', 'the query says reversed');

  const slow = number();
  check((await refusal('micropay', charge(slow, code('01')))) === 'USERPAYING', 'a payer enters a password');
  check((await call('orderQuery', { out_trade_no: slow })).trade_state === 'USERPAYING', 'the order waits');
  await wait(9);
  check((await call('orderQuery', { out_trade_no: slow })).trade_state === 'SUCCESS', 'the payer has paid');
  check((await refusal('micropay', charge(number(), code('03')))) === 'NOTENOUGH', 'a payer without money');
  check((await refusal('micropay', charge(number(), '99'))) === 'AUTH_CODE_INVALID', 'what is no code');
};

/** Whoever signs with another key is refused; a number that nobody knows is not found. */
const strangers = async () => {
  const stranger = client('0'.repeat(32));
  check((await refusal('unifiedOrder', native(number()), stranger)) === '签名错误', 'a stranger is refused');
  const unknown = await refusal('orderQuery', { out_trade_no: number() });
  check(unknown === 'ORDERNOTEXIST', `an unknown number: ${unknown}`);
};

await judge(paid('MD5'), paid('HMAC-SHA256'), prepaid, closed, refunded, charged, strangers);
listener.close();
