// Everything on one phone: the payer's browser itself goes into the wallet and comes back, turns
// away, lacks the balance, reloads, goes back. And the mixed QR as each wallet opens it.

import assert from 'node:assert/strict';
import { buy, reachWallet, returnToShop, turnsPaid } from './steps.mjs';

/** Goes shopping, changes their mind, comes back, pays, and is led to the shop. */
const payInPlace = async (stage, demo, { product, wallet }) => {
  const page = await stage.open('phone');
  const sn = await buy(page, demo, product);
  const own = page.url();
  const host = `${new URL(demo.api).origin}/`;
  const referers = [];
  page.on('request', async (request) => {
    if (!request.isNavigationRequest() || !request.url().startsWith(demo.sim)) return;
    if (request.method() === 'GET') referers.push((await request.allHeaders()).referer);
  });
  await page.click(`#pay-${wallet}`);
  await page.waitForSelector('#pay');
  assert.equal(referers[0], host, 'the wallet learns our host, and nothing of the token');
  await stage.look(page, '1-wallet');

  await page.click('#balance');
  await page.waitForSelector('#hint:has-text("余额不足")');
  await stage.look(page, '2-poor');
  await page.click('#cancel');
  await page.waitForSelector('#hint:has-text("已取消"), #main[data-state]');
  await stage.look(page, '3-cancelled');
  await page.goto(own);
  await page.waitForSelector(`#pay-${wallet}`);
  await page.reload();
  await stage.look(page, '4-again');

  await reachWallet(page, wallet);
  await page.click('#pay');
  await page.waitForSelector('#result:has-text("支付成功"), #main[data-state]');
  await stage.shoot(page, '5-paid-in-wallet');
  const back = await page.$('#result ~ #return, main #return');
  if (back) await back.click().catch(() => {});
  else await page.goto(own);
  await turnsPaid(page);
  await stage.look(page, '6-paid');

  await page.goto(demo.shop);
  await page.goBack();
  await turnsPaid(page);
  assert.equal(await page.$(`#pay-${wallet}`), null, 'who goes back is not asked to pay again');
  await returnToShop(stage, page, demo, sn);
};

/** The mixed QR, scanned with Alipay: straight into its page. */
const scannedWithAlipay = async (stage, demo) => {
  const page = await stage.open('desktop');
  await buy(page, demo, 304);
  const address = await page.getAttribute('#qr', 'data-qr');
  assert.match(address, /\/order\/qrcode\//);
  const phone = await stage.open('alipay');
  await phone.goto(address);
  assert.equal(new URL(phone.url()).origin, demo.sim, 'it leads on without a touch');
  await phone.waitForSelector('#pay');
  await stage.look(phone, 'wallet');
  await phone.goto(page.url());
  await phone.waitForSelector('#pay-alipay');
  await stage.look(phone, 'page');
};

/** Every product that a phone's own browser continues with, and the mixed QR in Alipay. */
export const phones = [
  ...[
    { product: 101, wallet: 'alipay' },
    { product: 102, wallet: 'alipay' },
    { product: 201, wallet: 'wechat' },
    { product: 304, wallet: 'alipay' },
    { product: 304, wallet: 'wechat' },
  ].map((way) => ({
    name: `stay on the phone for ${way.product} with ${way.wallet}`,
    run: (stage, demo) => payInPlace(stage, demo, way),
  })),
  { name: 'scan the mixed QR with alipay', run: scannedWithAlipay },
];
