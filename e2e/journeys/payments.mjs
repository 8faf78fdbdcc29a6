// From the shop to a paid order and back: every product, on a phone and on a desktop. The payer's
// page must turn to paid by itself, and the shop must have been notified.

import assert from 'node:assert/strict';

const NOTICE_MS_MAX = 20_000;
const HOPS_MAX = 3;

/** Product, and the wallets that can pay it. */
const PRODUCTS = [
  { product: 101, wallets: ['alipay'] },
  { product: 102, wallets: ['alipay'] },
  { product: 201, wallets: ['wechat'] },
  { product: 202, wallets: ['wechat'] },
  { product: 304, wallets: ['alipay', 'wechat'] },
];

/** Products that the payer's own browser continues with, by a button. */
const LINKED = new Set([101, 201]);

/** Goes shopping: ends at the payer's page. Returns the order's number. */
export const buy = async (page, demo, product) => {
  await page.goto(demo.shop);
  await page.click(`#buy-${product}`);
  await page.waitForSelector('#main[data-state]');
  const sn = (await page.innerText('#main')).match(/\b11\d{24}\b/)?.[0];
  assert.ok(sn, 'the payer’s page shows the order’s number');
  const open = ['NOTPAY', 'USERPAYING'];
  assert.ok(open.includes(await page.getAttribute('#main', 'data-state')), 'the order is open');
  return sn;
};

/** What the payer’s page gives to another device: the text of its code, or its button’s address. */
const handedOver = async (page, product, wallet) => {
  const text = LINKED.has(product)
    ? await page.$eval(`#pay-${wallet}`, (link) => link.href)
    : await page.getAttribute('#qr', 'data-qr');
  assert.match(text ?? '', /^https?:\/\//, 'what is scanned or opened is an address');
  return text;
};

/** Opens what was handed over and goes on until the wallet’s pay button is there. */
const reachWallet = async (phone, address, wallet) => {
  await phone.goto(address);
  for (let hop = 0; hop < HOPS_MAX; hop += 1) {
    await phone.waitForSelector(`#pay, #pay-${wallet}, #continue, #qr[data-qr]`);
    if (await phone.$('#pay')) return;
    if (await phone.$(`#pay-${wallet}`)) {
      await phone.click(`#pay-${wallet}`);
    } else {
      // Inside WeChat: the code is pressed and held, which opens what it says.
      await phone.goto(await phone.getAttribute('#qr', 'data-qr'));
    }
  }
  await phone.waitForSelector('#pay');
};

/** The shop heard of the order: its log has a notice with a right signature that names it. */
const shopHeard = (page, sn) =>
  page.waitForSelector(`#notifications tr.good:has-text("${sn}")`, { timeout: NOTICE_MS_MAX });

const pay = async (stage, demo, { product, wallet, device }) => {
  const page = await stage.open(device);
  const sn = await buy(page, demo, product);
  await page.evaluate(() => {
    window.__mark = 'not reloaded';
  });
  await stage.shoot(page, '1-open');
  const phone = await stage.open(wallet);
  await reachWallet(phone, await handedOver(page, product, wallet), wallet);
  await stage.shoot(phone, '2-wallet');
  await phone.click('#pay');

  await page.waitForSelector('#main[data-state="SUCCESS"]');
  assert.equal(await page.evaluate(() => window.__mark), 'not reloaded', 'it turned by itself');
  await page.waitForSelector('#return');
  const stay = await page.$('#stay');
  if (await stay?.isVisible()) await stay.click();
  await stage.shoot(page, '3-paid');
  await page.click('#return');
  await page.waitForURL((url) => url.origin === new URL(demo.shop).origin);
  await page.waitForSelector('#state[data-state="SUCCESS"]', { timeout: NOTICE_MS_MAX });
  await stage.shoot(page, '4-order');
  await page.goto(demo.shop);
  await shopHeard(page, sn);
  await stage.shoot(page, '5-shop');
};

/** Every product × wallet × size. */
export const payments = PRODUCTS.flatMap(({ product, wallets }) =>
  wallets.flatMap((wallet) =>
    ['phone', 'desktop'].map((device) => ({
      name: `pay ${product} with ${wallet} on ${device}`,
      run: (stage, demo) => pay(stage, demo, { product, wallet, device }),
    })),
  ),
);
