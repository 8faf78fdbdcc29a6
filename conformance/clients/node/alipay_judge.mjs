// The npm package alipay-sdk 4.14 as a client of our simulated Alipay: whatever the simulator gets
// wrong, the SDK that merchants use refuses. Standard output is one line of JSON; the exit code is 1
// if any check failed.
//
//   SIM=http://127.0.0.1:8081 APP_ID=… APP_PRIVATE_KEY=app.pem ALIPAY_PUBLIC_KEY=alipay.pem \
//     node alipay_judge.mjs
//
// The two keys are paths of PEM files: PKCS#8 or PKCS#1, and SubjectPublicKeyInfo. Payments are made
// by POST SIM/pay/OUT_TRADE_NO. The SDK is the one that e2e/package.json names.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { AlipaySdk } = createRequire(new URL('../../../e2e/package.json', import.meta.url))('alipay-sdk');

const NOTICE_MS_MAX = 15_000;

const setting = (name) => {
  const value = process.env[name];
  if (value) return value;
  console.error(`alipay_judge.mjs: ${name} is not set`);
  process.exit(2);
};

const sim = setting('SIM').replace(/\/$/, '');
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
const checks = [];
const failed = [];
const check = (holds, what) => {
  checks.push(what);
  if (!holds) failed.push(what);
};

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
const pay = async (outTradeNo) => (await fetch(`${sim}/pay/${outTradeNo}`, { method: 'POST' })).status;
const number = () => `judge${randomBytes(12).toString('hex')}`;

/** Notifications by the order and its state; each is waited for once. */
const heard = new Map();
const hear = (key) => {
  if (!heard.has(key)) heard.set(key, resolvers());
  return heard.get(key);
};
const resolvers = () => {
  const made = {};
  made.promise = new Promise((resolve) => Object.assign(made, { resolve }));
  return made;
};
const listener = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const members = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
  response.end('success');
  const type = request.headers['content-type'] ?? '';
  hear(`${members.out_trade_no} ${members.trade_status}`).resolve({ members, type });
});
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');
const notifyUrl = `http://127.0.0.1:${listener.address().port}/notify`;

const notification = (outTradeNo, status) => {
  const late = new Promise((resolve) => setTimeout(resolve, NOTICE_MS_MAX, null).unref());
  return Promise.race([hear(`${outTradeNo} ${status}`).promise, late]);
};

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

const judgeNotification = async (no, tradeNo) => {
  const notice = await notification(no, 'TRADE_SUCCESS');
  check(notice !== null, 'a notification comes');
  if (notice === null) return;
  const { members, type } = notice;
  check(type.startsWith('application/x-www-form-urlencoded'), 'the notification is a form');
  check(sdk.checkNotifySignV2(members), 'the notification’s signature verifies');
  const forged = { ...members, total_amount: '0.01' };
  check(!sdk.checkNotifySignV2(forged), 'another amount does not verify');
  check(members.app_id === appId, 'the notification names the application');
  check(members.total_amount === '13.14', 'the notification tells the amount');
  check(members.trade_no === tradeNo, 'the notification tells Alipay’s number');
  check(members.notify_type === 'trade_status_sync', 'the notification’s type');
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

for (const part of [paidByCode, paidByPage, closed, strangers]) {
  try {
    await part();
  } catch (error) {
    check(false, `${part.name}: ${error.stack}`);
  }
}
listener.close();
listener.closeAllConnections();
console.log(JSON.stringify({ ok: failed.length === 0, checks: checks.length, failed }));
process.exitCode = failed.length === 0 ? 0 : 1;
