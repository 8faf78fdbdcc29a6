// A merchant's shop with Node's fetch, written from section 1.2 of the document: JSON and form, with
// version 2 and without. For each it places an order, queries it, hears that it is paid, and refunds a
// part. Standard output: `placed SN` for each order, whose payer is somebody else; then one line of
// JSON. The exit code is 1 if any check failed. Nothing but Node.
//
//   JUBAO_API=http://127.0.0.1:8080 node shop.mjs
//
// Optional: JUBAO_MCH_ID, JUBAO_KEY (default: the document's merchant).

import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const GOODS = '聚宝烤鸭（半只）£5 – 外带 🦆';
const TABLE = '第 1 桌';
const TOTAL = 666;
const PART = 66;
const PATIENCE_MS = 20_000;

const api = (process.env.JUBAO_API ?? '').replace(/\/$/, '');
const mchId = process.env.JUBAO_MCH_ID ?? '10502105689001';
const key = process.env.JUBAO_KEY ?? '685c6e3eca5c964b2b8240aa151cb75d';
if (!api) {
  console.error('shop.mjs: JUBAO_API is not set');
  process.exit(2);
}

const failed = [];
let checks = 0;
const check = (holds, what) => {
  checks += 1;
  if (!holds) failed.push(what);
};

/** Section 1.2: names in ASCII order, name and value joined, the key before and after. */
const makeSign = (params) => {
  const names = Object.keys(params).filter((name) => name !== 'sign').sort();
  const text = names.map((name) => `${name}${params[name]}`).join('');
  return createHash('md5').update(`${key}${text}${key}`, 'utf8').digest('hex').toUpperCase();
};
const isSigned = (params) => Boolean(params.sign) && params.sign === makeSign(params);

const asJson = (params) => ({
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(params),
});
const asText = (params) => ({ body: JSON.stringify(params) });
const asForm = (params) => ({ body: new URLSearchParams(params) });
const asMultipart = (params) => {
  const body = new FormData();
  for (const [name, value] of Object.entries(params)) body.append(name, value);
  return { body };
};

/** Every way that fetch sends members; what it is not told to label, it labels itself. */
const ways = [
  { name: 'json', more: { version: 2 }, send: asJson },
  { name: 'json without version', more: {}, send: asJson },
  { name: 'json as plain text', more: {}, send: asText },
  { name: 'form', more: { version: '2' }, send: asForm },
  { name: 'multipart', more: {}, send: asMultipart },
];

/** Signs and sends; the signed data of the answer, or an empty one. */
const call = async (way, path, asked) => {
  const params = { mch_id: mchId, ...way.more, ...asked };
  params.sign = makeSign(params);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(api + path, { method: 'POST', signal, ...way.send(params) });
  check(answer.status === 200, `${way.name} ${path}: HTTP ${answer.status}`);
  check(answer.headers.get('content-encoding') === null, `${way.name} ${path}: the answer is encoded`);
  const said = await answer.json();
  check(said.code === 200 && said.ret === 0, `${way.name} ${path}: ${JSON.stringify(said)}`);
  const data = said.data ?? {};
  check(isSigned(data), `${way.name} ${path}: the answer's signature is wrong`);
  return data;
};

const notices = new Map();
const noticeOf = (no) => {
  if (!notices.has(no)) {
    const made = {};
    made.promise = new Promise((resolve) => (made.resolve = resolve));
    notices.set(no, made);
  }
  return notices.get(no);
};
const listener = createServer(async (request, response) => {
  let body = '';
  request.setEncoding('utf8');
  for await (const part of request) body += part;
  const isJson = (request.headers['content-type'] ?? '').startsWith('application/json');
  const told = isJson ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));
  response.end(isSigned(told) ? 'success' : 'fail');
  noticeOf(told.out_trade_no).resolve(told);
});
listener.listen(0, '127.0.0.1');
await once(listener, 'listening');

const checkNotice = async (way, placed) => {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, {}).unref());
  const told = await Promise.race([noticeOf(placed.out_trade_no).promise, late]);
  check(isSigned(told), `${way.name}: the notification's signature: ${JSON.stringify(told)}`);
  check(told.trade_state === 'SUCCESS', `${way.name}: the notification tells the payment`);
  check(Number(told.total_fee) === TOTAL, `${way.name}: the notification tells the amount`);
  for (const name of ['sn', 'body', 'attach']) {
    check(told[name] === placed[name], `${way.name}: ${name} is told as ${told[name]}`);
  }
};

const live = async (way) => {
  const order = {
    pay_channel_id: 304,
    total_fee: TOTAL,
    out_trade_no: `node${randomUUID().replaceAll('-', '')}`,
    body: GOODS,
    attach: TABLE,
    notify_url: `http://127.0.0.1:${listener.address().port}/notify?from=jubao`,
  };
  const placed = await call(way, '//index.php?_m=pay_gateway&_a=apply_pay', order);
  for (const name of ['total_fee', 'out_trade_no', 'body', 'attach']) {
    check(placed[name] === order[name], `${way.name}: ${name} came back as ${placed[name]}`);
  }
  const { sn } = placed;
  const before = await call(way, '/order/query', { sn });
  check(before.trade_state === 'NOTPAY', `${way.name}: nobody has paid yet`);
  console.log(`placed ${sn}`);
  await checkNotice(way, placed);
  const paid = await call(way, '/order/query', { out_trade_no: order.out_trade_no });
  check(paid.trade_state === 'SUCCESS', `${way.name}: the query says paid`);
  const back = await call(way, '/payment/refund', { sn, out_refund_no: `r${sn}`, refund_fee: PART });
  check(back.refund_fee === PART, `${way.name}: another amount goes back`);
  check(back.refundable === TOTAL - PART, `${way.name}: another amount is left`);
  const found = await call(way, '/order/refundquery', { refund_id: back.refund_id });
  check(found.out_refund_no === `r${sn}`, `${way.name}: the refund's number finds another`);
  return { way: way.name, sn };
};

const orders = [];
for (const way of ways) orders.push(await live(way));
listener.close();
listener.closeAllConnections();
console.log(JSON.stringify({ ok: failed.length === 0, checks, orders, failed }));
process.exitCode = failed.length === 0 ? 0 : 1;
