// Each product's page inside each wallet: WeChat's own payment from our page, the Hong Kong wallet,
// UnionPay, the way out to a browser, and a payer who changes wallets.

import assert from 'node:assert/strict';
import { breakUpstream, place } from '../merchant.mjs';
import { openInWechat, pays, paysOnSecondThought } from '../wechat.mjs';
import { buy, returnToShop, turnsPaid } from './steps.mjs';

/** The document's payer at the demo's official account of Hong Kong. */
const PAYER = { sub_appid: 'wx6f4b43d0a7c15e29', sub_openid: 'oxoPW5SUhI5lMvZgkQb2yTt1' };
const YUAN = { total_fee: '8888' };

/** Marks a page, to see later that it was never loaded again. */
const mark = (page) =>
  page.evaluate(() => {
    window.__mark = true;
  });
const isMarked = (page) => page.evaluate(() => window.__mark === true);

/** The mixed QR in WeChat: who the payer is, cancel, once more, paid, back to the shop. */
const mixedInWechat = async (stage, demo) => {
  const desktop = await stage.open('desktop');
  const sn = await buy(desktop, demo, 304);
  const { page, calls } = await openInWechat(stage, demo, paysOnSecondThought);
  await page.goto(await desktop.getAttribute('#qr', 'data-qr'));
  await page.waitForSelector('#pay-wechat');
  await stage.look(page, '1-page');
  await page.click('#pay-wechat');
  await page.waitForSelector('#call');
  await mark(page);
  const own = page.url();
  assert.doesNotMatch(own, /code=|state=/, 'what WeChat told does not stay in the address');
  await page.waitForSelector('#called-cancel:not([hidden])');
  assert.deepEqual(calls, ['getBrandWCPayRequest'], 'it called by itself');
  await stage.look(page, '2-cancelled');

  await page.reload();
  await page.waitForSelector('#call');
  await stage.look(page, '3-again');
  assert.equal(calls.length, 1, 'who loads the page again has to press');
  await mark(page);
  await page.click('#call');
  await turnsPaid(page);
  assert.ok(await isMarked(page), 'it turned by itself');
  const stay = page.locator('#stay');
  if (await stay.isVisible()) await stay.click();
  await stage.look(page, '4-paid');
  await turnsPaid(desktop);

  await page.goBack();
  await page.goto(own);
  await turnsPaid(page);
  assert.equal(await page.$('#call'), null, 'who goes back is not asked to pay again');
  await returnToShop(stage, page, demo, sn);
};

/** WeChat says that it failed, or nothing at all: the page never guesses, and offers a code. */
const wechatFails = async (stage, demo) => {
  const { code_url } = await place(demo, 304, YUAN);
  const { page } = await openInWechat(stage, demo, async () => 'fail', { locale: 'en-GB' });
  await page.goto(code_url);
  await page.click('#pay-wechat');
  await page.waitForSelector('#called-fail:not([hidden])');
  assert.equal(await page.getAttribute('#main', 'data-state'), 'NOTPAY');
  await stage.look(page, '1-failed');
  await page.click('#again');
  await page.waitForSelector('#called-fail:not([hidden])');
  await page.click('#with-code');
  await page.waitForSelector('#qr[data-qr]');
  assert.equal(await page.$('#call'), null, 'one way at a time');
  await stage.look(page, '3-code');
  await page.reload();
  await page.waitForSelector('#qr[data-qr]');

  const plain = await stage.open('wechat', { locale: 'zh-HK', colorScheme: 'dark' });
  await plain.goto(code_url);
  await plain.click('#pay-wechat');
  await plain.waitForSelector('#called-not:not([hidden])');
  await stage.look(plain, '2-no-wechat');
  await plain.click('#with-code');
  await plain.waitForSelector('#qr[data-qr]');
  await plain.click('#continue');
  await plain.click('#pay');
  await page.waitForSelector('#main[data-state="SUCCESS"]');
};

/** A merchant's own order for a page inside WeChat, opened on our page. */
const ownPage = (product, call) => async (stage, demo) => {
  const order = await place(demo, product, { ...YUAN, ...PAYER, return_url: `${demo.shop}/` });
  const desktop = await stage.open('desktop');
  await desktop.goto(order.code_url);
  assert.equal(await desktop.getAttribute('#qr', 'data-qr'), order.code_url, 'WeChat opens it');
  const { page, calls } = await openInWechat(stage, demo, paysOnSecondThought);
  await page.goto(order.code_url);
  await mark(page);
  await stage.look(page, '1-page');
  assert.deepEqual(calls, [], 'it waits for the payer');
  await page.click('#call');
  await page.waitForSelector('#called-cancel:not([hidden])');
  await stage.look(page, '2-cancelled');
  await page.click('#call');
  await turnsPaid(page);
  assert.deepEqual(calls, [call, call]);
  assert.ok(await isMarked(page), 'it turned by itself');
  await turnsPaid(desktop);
};

/** The mixed QR, scanned with UnionPay's app: straight into its page. */
const mixedInUnionpay = async (stage, demo) => {
  const desktop = await stage.open('desktop');
  const sn = await buy(desktop, demo, 304);
  const phone = await stage.open('unionpay');
  await phone.goto(await desktop.getAttribute('#qr', 'data-qr'));
  assert.equal(new URL(phone.url()).origin, demo.sim, 'it leads on without a touch');
  await phone.waitForSelector('#pay');
  await phone.goto(desktop.url());
  await phone.waitForSelector('#pay-unionpay');
  await stage.look(phone, 'page');
  await phone.click('#pay-unionpay');
  await phone.click('#pay');
  await turnsPaid(desktop);
  await returnToShop(stage, desktop, demo, sn);
};

/** UnionPay's link in a phone's browser, and its code on a desktop. */
const unionpay = async (stage, demo) => {
  const link = await place(demo, 301, { ...YUAN, return_url: `${demo.shop}/` });
  const phone = await stage.open('phone');
  await phone.goto(link.code_url);
  await stage.look(phone, '1-link');
  await phone.click('#pay-unionpay');
  await phone.waitForSelector('#pay');
  await stage.look(phone, '2-wallet');
  await phone.click('#pay');
  await phone.goto(link.code_url);
  await turnsPaid(phone);

  const code = await place(demo, 302, YUAN);
  const desktop = await stage.open('desktop');
  await desktop.goto(code.code_url);
  await stage.look(desktop, '3-code');
  const wallet = await stage.open('unionpay');
  await wallet.goto(await desktop.getAttribute('#qr', 'data-qr'));
  await wallet.click('#pay');
  await desktop.waitForSelector('#main[data-state="SUCCESS"]');
};

/** Payments that an app does not open: the page says how to get out of it. */
const outside = async (stage, demo) => {
  for (const [product, device, locale, colorScheme] of [
    [101, 'wechat', 'zh-CN', 'light'],
    [201, 'wechat', 'en-GB', 'dark'],
    [201, 'alipay', 'zh-HK', 'light'],
  ]) {
    const { code_url } = await place(demo, product, { ...YUAN, spbill_create_ip: '127.0.0.1' });
    const page = await stage.open(device, { locale, colorScheme });
    await page.goto(code_url);
    await page.waitForSelector('#link');
    assert.equal(await page.inputValue('#link'), code_url);
    await stage.look(page, `${product}-in-${device}`);
    const label = await page.textContent('#copy');
    await page.click('#copy');
    await page.waitForFunction((old) => document.getElementById('copy').textContent !== old, label);
    const bare = await stage.open(device, { locale, javaScriptEnabled: false });
    await bare.goto(code_url);
    await bare.waitForSelector('#link');
    assert.equal(await bare.locator('#copy').isVisible(), false, 'no button that does nothing');
  }
};

/** One payer, three wallets: each closes what was begun in the one before. */
const changeWallets = async (stage, demo) => {
  const desktop = await stage.open('desktop');
  const sn = await buy(desktop, demo, 304);
  const code = await desktop.getAttribute('#qr', 'data-qr');
  const phone = await stage.open('phone');
  await phone.goto(desktop.url());
  await phone.click('#pay-wechat');
  await phone.waitForSelector('#pay');
  const h5 = phone.url();

  const alipay = await stage.open('alipay');
  await alipay.goto(code);
  await alipay.waitForSelector('#pay');
  await phone.goto(h5);
  await phone.waitForSelector('#result:has-text("订单已关闭")');

  const { page } = await openInWechat(stage, demo, pays);
  await page.goto(code);
  await page.waitForSelector('#before');
  await stage.look(page, '1-before');

  // Alipay does not say whether the payer can still pay there.
  stage.provoke(/status of 503/);
  await breakUpstream(demo, { channel: 'alipay', op: 'close', fault: 'dropped_before', times: 1 });
  await breakUpstream(demo, { channel: 'alipay', op: 'query', fault: 'dropped_before', times: 1 });
  await page.click('#pay-wechat');
  await page.waitForSelector('#retry');
  await stage.look(page, '2-elsewhere');
  await page.click('#retry');
  await page.click('#pay-wechat');
  await turnsPaid(page);
  await turnsPaid(desktop);
  await returnToShop(stage, desktop, demo, sn);
};

/** Every wallet with every product that it shows. */
export const wallets = [
  { name: 'the mixed QR inside wechat', run: mixedInWechat },
  { name: 'wechat fails', run: wechatFails },
  { name: 'the page of 203 inside wechat', run: ownPage(203, 'getBrandWCPayRequest') },
  { name: 'the page of the Hong Kong wallet', run: ownPage(205, 'getH5PrepayRequest') },
  { name: 'the mixed QR inside unionpay', run: mixedInUnionpay },
  { name: 'unionpay by link and by code', run: unionpay },
  { name: 'out of an app into a browser', run: outside },
  { name: 'change wallets', run: changeWallets },
];
