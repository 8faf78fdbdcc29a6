// What goes wrong around a payment: no script, no events, a second tab, an order that is paid
// elsewhere, closed or expired, an upstream that is down, an address that names nothing.

import assert from 'node:assert/strict';
import { breakUpstream, close, payElsewhere, place } from '../merchant.mjs';
import { openInWechat, pays } from '../wechat.mjs';
import { buy, handedOver, payInWallet, turnsPaid } from './steps.mjs';

/** The shortest life that an order can have, and some. */
const SHORT_LIFE_S = 62;
const EXPIRY_MS_MAX = 120_000;
const STRANGERS = ['x', '1-2-3', `1-2-${'0'.repeat(32)}`, '%ff%00', '..%2f..%2fetc', '%3Cscript%3E'];

/** A browser that runs no script: the page asks again by itself. */
const withoutScript = async (stage, demo) => {
  const page = await stage.open('phone', { javaScriptEnabled: false });
  await buy(page, demo, 202);
  await stage.shoot(page, '1-open');
  await payInWallet(stage, demo, { wallet: 'wechat', address: await page.getAttribute('#qr', 'data-qr') });
  await turnsPaid(page);
  await stage.shoot(page, '2-paid');
  await page.click('#return');
  await page.waitForSelector('#state[data-state="SUCCESS"]');
};

/** A network that lets no stream through: the page polls. */
const withoutEvents = async (stage, demo) => {
  const page = await stage.open('phone');
  stage.provoke(/events: net::ERR_FAILED|Failed to load resource: net::ERR_FAILED/);
  await page.route('**/events', (route) => route.abort('failed'));
  let polls = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/state')) polls += 1;
  });
  await buy(page, demo, 202);
  await payInWallet(stage, demo, { wallet: 'wechat', address: await handedOver(page, 'wechat') });
  await turnsPaid(page);
  assert.ok(polls > 0, 'it asked');
};

/** A network that goes away: the page says so, and comes back with the news. */
const withoutNetwork = async (stage, demo) => {
  const page = await stage.open('phone');
  stage.provoke(/net::ERR_INTERNET_DISCONNECTED/);
  const sn = await buy(page, demo, 202);
  await page.route('**/events', (route) => route.abort('internetdisconnected'));
  await page.route('**/state', (route) => route.abort('internetdisconnected'));
  await page.reload();
  await page.waitForSelector('#offline:not([hidden])');
  await stage.look(page, 'offline');
  await payElsewhere(demo, sn);
  await page.unroute('**/state');
  await turnsPaid(page);
};

/** Two tabs of one order: both begin to pay, one pays, both know. */
const twoTabs = async (stage, demo) => {
  const first = await stage.open('phone');
  await buy(first, demo, 304);
  const second = await stage.tab(first.context(), 'phone');
  const watching = await stage.tab(first.context(), 'phone');
  await Promise.all([second, watching].map((tab) => tab.goto(first.url())));
  await Promise.all([first.click('#pay-alipay'), second.click('#pay-alipay')]);
  await Promise.all([first.waitForSelector('#pay'), second.waitForSelector('#pay')]);
  assert.equal(
    await first.textContent('main dl'),
    await second.textContent('main dl'),
    'both tabs pay the same',
  );
  await first.click('#pay');
  await turnsPaid(watching);
  await second.click('#pay');
  await second.waitForSelector('#result:has-text("支付成功"), #main[data-state="SUCCESS"]');
};

/** The order is paid by somebody else, with a large amount, while the page is open in English. */
const paidElsewhere = async (stage, demo) => {
  const order = await place(demo, 304, {
    body: 'Oolong tea <b>premium</b>, '.repeat(4).trim(),
    return_url: `${demo.shop}/`,
  });
  const page = await stage.open('desktop', { locale: 'en-GB' });
  await page.goto(order.code_url);
  await stage.look(page, '1-open');
  const phone = await stage.open('phone', { locale: 'zh-HK', colorScheme: 'dark' });
  await phone.goto(order.code_url);
  await stage.look(phone, '2-open-dark');
  await payElsewhere(demo, order.sn);
  await turnsPaid(page);
  await stage.look(page, '3-paid');
  await turnsPaid(phone);
  await stage.look(phone, '4-paid-dark');
};

/** The merchant closes the order while the page is open. */
const closedMeanwhile = async (stage, demo) => {
  const order = await place(demo, 202, { total_fee: '990' });
  const page = await stage.open('phone');
  await page.goto(order.code_url);
  await page.waitForSelector('#qr');
  await close(demo, order.sn);
  await page.waitForSelector('#main[data-state="CLOSED"]');
  assert.equal(await page.$('#qr'), null, 'nothing is left to pay with');
  await stage.look(page, 'closed');
};

/** Nobody pays in time: the page asks to wait, then says that it is over. */
const expired = async (stage, demo) => {
  const expires = String(Math.floor(Date.now() / 1000) + SHORT_LIFE_S);
  const order = await place(demo, 202, { total_fee: '990', time_expire: expires });
  const page = await stage.open('phone');
  await page.goto(order.code_url);
  await page.waitForSelector('#countdown.soon');
  await stage.look(page, '1-soon');
  await page.waitForSelector('#main:not(:has(#qr))', { timeout: EXPIRY_MS_MAX });
  await stage.shoot(page, '2-over');
  await page.waitForSelector('#main[data-state="CLOSED"]', { timeout: EXPIRY_MS_MAX });
  await page.waitForSelector('h1:has-text("订单已过期")');
  await stage.look(page, '3-expired');
};

/** The upstream does not answer: the page says so, and its button tries again. */
const upstreamDown = async (stage, demo) => {
  stage.provoke(/status of 503/);
  const fault = { op: 'place', fault: 'dropped_before', times: 1 };
  const inWechat = await place(demo, 304, { total_fee: '990', return_url: `${demo.shop}/` });
  await breakUpstream(demo, { ...fault, channel: 'wechat_v2' });
  const { page } = await openInWechat(stage, demo, pays);
  await page.goto(inWechat.code_url);
  await page.click('#pay-wechat');
  await page.waitForSelector('#retry');
  await stage.look(page, '1-trouble');
  await page.click('#retry');
  await page.click('#pay-wechat');
  await turnsPaid(page);

  const order = await place(demo, 304, { total_fee: '990', return_url: `${demo.shop}/` });
  await breakUpstream(demo, { ...fault, channel: 'wechat' });
  const other = await stage.open('phone', { locale: 'en-GB' });
  await other.goto(order.code_url);
  await other.click('#pay-wechat');
  await other.waitForSelector('#retry');
  await stage.look(other, '2-trouble');
  await other.click('#retry');
  await other.click('#pay-wechat');
  await other.waitForSelector('#pay');
  await other.click('#pay');
  await other.goto(order.code_url);
  await turnsPaid(other);
};

/** Addresses that name no order, and wishes that mean nothing. */
const strangers = async (stage, demo) => {
  stage.provoke(/status of 404/);
  for (const [device, locale] of [['phone', 'zh-CN'], ['desktop', 'zh-HK'], ['phone', 'en-GB']]) {
    const page = await stage.open(device, { locale });
    const answer = await page.goto(`${demo.api}/pay/1-2-${'0'.repeat(32)}`);
    assert.equal(answer.status(), 404);
    await stage.look(page, `unknown-${locale}`);
  }
  for (const token of STRANGERS) {
    for (const path of ['', '/go?wallet=alipay', '/state', '/events']) {
      const answer = await fetch(`${demo.api}/pay/${token}${path}`, { redirect: 'manual' });
      assert.equal(answer.status, 404, token + path);
      assert.equal(answer.headers.get('cache-control'), 'no-store', token + path);
    }
  }
  const { code_url } = await place(demo, 304);
  const nonsense = ['wallet=unionpay', 'wallet=%00', 'wallet=', 'wallet', 'lang=%ff&lang=x&wallet=a'];
  for (const query of nonsense) {
    const answer = await fetch(`${code_url}/go?${query}`, { redirect: 'manual' });
    assert.ok([303, 503].includes(answer.status), `${query}: ${answer.status}`);
    assert.doesNotMatch(answer.headers.get('location') ?? '', /\/\//, `${query} stays with us`);
    assert.equal((await fetch(`${code_url}?${query}`)).status, 200, query);
  }
};

/** Who only looks at the addresses begins nothing, and nothing but an asset is kept. */
const onlookers = async (stage, demo) => {
  const { code_url } = await place(demo, 304);
  const head = await fetch(`${code_url}/go?wallet=alipay`, { method: 'HEAD', redirect: 'manual' });
  assert.equal(head.status, 303);
  assert.match(head.headers.get('location'), /^\/pay\//, 'a look begins no payment');
  assert.equal((await fetch(code_url, { method: 'HEAD' })).status, 200);
  const back = await fetch(code_url, { method: 'POST', redirect: 'manual' });
  assert.equal(back.status, 303, 'a wallet that comes back with a form is shown the page');
  assert.match(back.headers.get('location'), /^\/pay\//);
  for (const method of ['PUT', 'DELETE']) {
    assert.equal((await fetch(code_url, { method })).status, 405, method);
  }
  const go = await fetch(`${code_url}/go?wallet=alipay`, { redirect: 'manual' });
  assert.equal(go.headers.get('location').startsWith(demo.sim), true);
  assert.equal(go.headers.get('referrer-policy'), null, 'the link’s own policy holds');
  assert.equal(go.headers.get('cache-control'), 'no-store');
  const page = await stage.open('desktop');
  const kept = [];
  page.on('response', (response) => kept.push(response));
  await page.goto(code_url);
  for (const response of kept) {
    const isAsset = response.url().includes('/assets/');
    const cached = response.headers()['cache-control'];
    assert.match(cached ?? '', isAsset ? /immutable/ : /no-store|no-cache/, response.url());
  }
};

/** Each mishap; those that mostly wait run beside the others. */
export const mishaps = [
  { name: 'nobody pays in time', run: expired, waitsMs: EXPIRY_MS_MAX },
  { name: 'no script', run: withoutScript },
  { name: 'no events', run: withoutEvents },
  { name: 'no network for a while', run: withoutNetwork },
  { name: 'two tabs', run: twoTabs },
  { name: 'paid elsewhere', run: paidElsewhere },
  { name: 'closed by the merchant meanwhile', run: closedMeanwhile },
  { name: 'the upstream is down', run: upstreamDown },
  { name: 'addresses of nothing', run: strangers },
  { name: 'onlookers', run: onlookers },
];
