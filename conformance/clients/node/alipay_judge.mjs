// The npm package alipay-sdk 4.14 as a client of our simulated Alipay: whatever the simulator gets
// wrong, the SDK that merchants use refuses. Standard output is one line of JSON; the exit code is 1
// if any check failed.
//
//   SIM=http://127.0.0.1:8081 APP_ID=… APP_PRIVATE_KEY=app.pem ALIPAY_PUBLIC_KEY=alipay.pem \
//     node alipay_judge.mjs
//
// The two keys are paths of PEM files: PKCS#8 or PKCS#1, and SubjectPublicKeyInfo. Payments are made
// by POST SIM/pay/OUT_TRADE_NO, and the time is moved by POST SIM/clock.

import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { AlipaySdk } from 'alipay-sdk';
import { check, judge, listen, pay, setting, sim, wait } from './judge.mjs';

const appId = setting('APP_ID');
const privateKey = (await readFile(setting('APP_PRIVATE_KEY'), 'utf8')).trim();
const alipayPublicKey = (await readFile(setting('ALIPAY_PUBLIC_KEY'), 'utf8')).trim();

/** The SDK with an application's key. */
const client = (key) =>
  new AlipaySdk({
    appId,
    privateKey: key,
    alipayPublicKey,
    keyType: key.includes('BEGIN RSA PRIVATE KEY') ? 'PKCS1' : 'PKCS8',
    gateway: `${sim}/gateway.do`,
  });

const sdk = client(privateKey);
const listener = await listen(async (body, headers) => {
  const members = Object.fromEntries(new URLSearchParams(body));
  const type = headers['content-type'] ?? '';
  const { out_trade_no: no, trade_status: status, refund_fee: refunded = '' } = members;
  return { answer: 'success', key: `${no} ${status}${refunded}`, notice: { members, type } };
});
const notifyUrl = listener.url;

/** Calls the simulator; the SDK verifies the answer's signature, or throws. */
const call = async (method, bizContent, by = sdk) => {
  try {
    return await by.exec(method, { bizContent, notifyUrl }, { validateSign: true });
  } catch (error) {
    check(false, `${method}: ${error.message}`);
    return {};
  }
};

const query = (outTradeNo) => call('alipay.trade.query', { outTradeNo });
const number = () => `judge${randomBytes(12).toString('hex')}`;

const order = (outTradeNo) => ({
  outTradeNo,
  totalAmount: '13.14',
  subject: '聚宝烤鸭（半只）',
  timeoutExpress: '30m',
});

/** A code that is scanned and paid. */
const paidByCode = async () => {
  const no = number();
  const placed = await call('alipay.trade.precreate', order(no));
  check(placed.code === '10000', 'precreate succeeds');
  check(placed.outTradeNo === no, 'precreate answers the order’s number');
  check(/^https?:\/\//.test(placed.qrCode ?? ''), 'precreate answers a code');
  const before = await query(no);
  check(before.code === '40004' && before.subCode === 'ACQ.TRADE_NOT_EXIST', 'no trade before a scan');

  check((await pay(no)) === 200, 'it can be paid');
  const after = await query(no);
  check(after.code === '10000' && after.tradeStatus === 'TRADE_SUCCESS', 'the query says paid');
  check(after.totalAmount === '13.14', 'the query tells the amount');
  check(/^\d{16,64}$/.test(after.tradeNo ?? ''), 'the query tells Alipay’s number');
  check(await pay(no) !== 200, 'it cannot be paid twice');
  const closed = await call('alipay.trade.close', { outTradeNo: no });
  check(closed.code === '40004', 'a paid trade cannot be closed');
  const again = await call('alipay.trade.precreate', order(no));
  check(again.subCode === 'ACQ.TRADE_HAS_SUCCESS', 'a paid number cannot be placed again');
  await judgeNotification(no, after.tradeNo);
};

/** The notification of a status, verified; `key` is the status and what was refunded. */
const verified = async (no, key) => {
  const notice = await listener.heard(`${no} ${key}`);
  check(notice !== null, `a notification of ${key} comes`);
  if (notice === null) return {};
  const { members, type } = notice;
  check(type.startsWith('application/x-www-form-urlencoded'), 'the notification is a form');
  check(sdk.checkNotifySignV2(members), `the signature of ${key} verifies`);
  check(sdk.checkNotifySign(members), `the signature of ${key} verifies by the older rule`);
  const forged = { ...members, total_amount: '0.01' };
  check(!sdk.checkNotifySignV2(forged), 'another amount does not verify');
  check(members.app_id === appId, 'the notification names the application');
  check(members.notify_type === 'trade_status_sync', 'the notification’s type');
  check(members.total_amount === '13.14', 'the notification tells the amount');
  return members;
};

const judgeNotification = async (no, tradeNo) => {
  const members = await verified(no, 'TRADE_SUCCESS');
  check(members.trade_no === tradeNo, 'the notification tells Alipay’s number');
};

/** What was paid goes back, first a part and then the rest. */
const refunded = async () => {
  const no = number();
  await call('alipay.trade.precreate', order(no));
  const refund = (outRequestNo, refundAmount) =>
    call('alipay.trade.refund', { outTradeNo: no, refundAmount, outRequestNo, refundReason: '少了一件' });
  const early = await refund('1', '5.00');
  check(early.subCode === 'ACQ.TRADE_NOT_EXIST', 'what was not paid is not refunded');
  await pay(no);

  const part = await refund('1', '5.00');
  check(part.code === '10000' && part.fundChange === 'Y', 'a part is refunded');
  check(part.refundFee === '5.00', 'the refund’s answer tells the sum');
  const again = await refund('1', '5.00');
  check(again.code === '10000' && again.fundChange === 'N', 'the same refund again is one');
  check(again.refundFee === '5.00', 'the sum is the same');
  const other = await refund('1', '6.00');
  check(other.subCode === 'ACQ.DISCORDANT_REPEAT_REQUEST', 'its number with another amount is refused');
  await wait(4);
  const over = await refund('2', '8.15');
  check(over.code === '40004', 'more than is left is refused');
  const told = await verified(no, 'TRADE_SUCCESS5.00');
  check(told.out_biz_no === '1', 'the notification tells the refund’s number');
  check(Boolean(told.gmt_refund), 'the notification tells when');

  const find = (outRequestNo) =>
    call('alipay.trade.fastpay.refund.query', { outTradeNo: no, outRequestNo, queryOptions: ['gmt_refund_pay'] });
  const found = await find('1');
  check(found.refundStatus === 'REFUND_SUCCESS' && found.refundAmount === '5.00', 'the refund is found');
  check(found.totalAmount === '13.14' && found.outRequestNo === '1', 'the order’s amount is told');
  check(/^\d{4}-/.test(found.gmtRefundPay ?? ''), 'when it was refunded is told');
  const none = await find('never');
  check(none.code === '10000' && none.refundStatus === undefined, 'a refund that is not there has no status');

  await wait(4);
  const rest = await refund('3', '8.14');
  check(rest.fundChange === 'Y' && rest.refundFee === '13.14', 'the rest is refunded');
  check((await query(no)).tradeStatus === 'TRADE_CLOSED', 'all refunded: the trade is closed');
  await verified(no, 'TRADE_CLOSED13.14');
};

/** A payer’s code, charged and undone; the last two digits choose what happens. */
const charged = async () => {
  const code = (outcome) => `28${randomInt(1e13, 9e13)}${outcome}`;
  const charge = (no, authCode) =>
    call('alipay.trade.pay', { ...order(no), timeoutExpress: undefined, authCode, scene: 'bar_code' });
  const [no, used] = [number(), code('00')];
  const paid = await charge(no, used);
  check(paid.code === '10000' && paid.totalAmount === '13.14', `a code is charged: ${paid.subCode}`);
  check(Boolean(paid.gmtPayment) && Boolean(paid.tradeNo), 'when, and Alipay’s number');
  await verified(no, 'TRADE_SUCCESS');
  const again = await charge(number(), used);
  check(again.subCode === 'ACQ.PAYMENT_AUTH_CODE_INVALID', 'a code is good for once');
  const undone = await call('alipay.trade.cancel', { outTradeNo: no });
  check(undone.action === 'refund' && undone.retryFlag === 'N', 'a paid trade is undone by a refund');
  check((await query(no)).tradeStatus === 'TRADE_CLOSED', 'an undone trade is closed');

  const slow = number();
  const asked = await charge(slow, code('01'));
  check(asked.code === '10003', 'a payer who must confirm is in process');
  check((await query(slow)).tradeStatus === 'WAIT_BUYER_PAY', 'the trade waits');
  await wait(9);
  check((await query(slow)).tradeStatus === 'TRADE_SUCCESS', 'the payer has confirmed');
  const waiting = number();
  await charge(waiting, code('02'));
  const stopped = await call('alipay.trade.cancel', { outTradeNo: waiting });
  check(stopped.action === 'close', 'a waiting trade is undone by closing it');
  const poor = await charge(number(), code('03'));
  check(poor.subCode === 'ACQ.BUYER_BALANCE_NOT_ENOUGH', 'a payer without money is told');
  const never = await call('alipay.trade.cancel', { outTradeNo: number() });
  check(never.code === '10000' && never.action === undefined, 'nothing to undo is no failure');
};

/** The order string that an app gives to the wallet. */
const paidByApp = async () => {
  const no = number();
  const bizContent = { ...order(no), productCode: 'QUICK_MSECURITY_PAY' };
  const text = sdk.sdkExecute('alipay.trade.app.pay', { bizContent, notifyUrl });
  check((await query(no)).subCode === 'ACQ.TRADE_NOT_EXIST', 'a text that nobody has opened is no trade');
  const open = async (body) => (await fetch(`${sim}/alipay/app`, { method: 'POST', body })).text();
  const forged = await open(text.replace('13.14', '00.01'));
  check(!forged.includes('id="pay"'), 'a text with another amount does not open');
  check((await open(text)).includes('id="pay"'), 'the wallet opens the text');
  check((await pay(no)) === 200, 'the app’s order can be paid');
  await verified(no, 'TRADE_SUCCESS');
};

/** A page of Alipay in a phone’s browser, signed by the SDK. */
const paidByPage = async () => {
  const no = number();
  const bizContent = { ...order(no), productCode: 'QUICK_WAP_WAY', quitUrl: notifyUrl };
  const address = sdk.pageExecute('alipay.trade.wap.pay', 'GET', { bizContent, notifyUrl });
  const page = await fetch(address);
  const text = await page.text();
  check(page.status === 200 && text.includes('id="pay"'), 'the signed page opens with a pay button');
  const waiting = await query(no);
  check(waiting.tradeStatus === 'WAIT_BUYER_PAY', 'an opened page is a trade that waits');
  check((await pay(no)) === 200, 'the page’s order can be paid');
  check((await query(no)).tradeStatus === 'TRADE_SUCCESS', 'the query says that the page’s order is paid');
  const forged = await fetch(address.replace('13.14', '00.01'));
  check(!(await forged.text()).includes('id="pay"'), 'a page with another amount does not open');
};

/** A code that is scanned, and then closed instead of paid. */
const closed = async () => {
  const no = number();
  const { qrCode } = await call('alipay.trade.precreate', order(no));
  check((await fetch(qrCode)).status === 200, 'the code opens a page');
  check((await query(no)).tradeStatus === 'WAIT_BUYER_PAY', 'a scanned code is a trade that waits');
  const answer = await call('alipay.trade.close', { outTradeNo: no });
  check(answer.code === '10000' && answer.outTradeNo === no, 'a waiting trade can be closed');
  check((await query(no)).tradeStatus === 'TRADE_CLOSED', 'the query says closed');
  check(await pay(no) !== 200, 'a closed trade cannot be paid');
};

/** Whoever signs with another key is refused, with a signed refusal. */
const strangers = async () => {
  const pem = { type: 'pkcs8', format: 'pem' };
  const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: pem });
  const answer = await call('alipay.trade.precreate', order(number()), client(key.trim()));
  check(answer.code === '40002' && answer.subCode === 'isv.invalid-signature', 'a stranger is refused');
  const unknown = await call('alipay.trade.query', { outTradeNo: number() });
  check(unknown.subCode === 'ACQ.TRADE_NOT_EXIST', 'an unknown number is not found');
};

await judge(paidByCode, paidByPage, paidByApp, charged, refunded, closed, strangers);
listener.close();
