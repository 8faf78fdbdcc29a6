// Steps that many journeys take.

import assert from 'node:assert/strict';
import { openInWechat, pays } from '../wechat.mjs';

const NOTICE_MS_MAX = 20_000;
const HOPS_MAX = 3;

/** The order's number, as the payer's page shows it. */
export const shownSn = async (page) => {
  const sn = await page.textContent('#main .number dd');
  assert.match(sn, /^11\d{24}$/, 'the payer’s page shows the order’s number');
  return sn;
};

/** Goes shopping: ends at the payer's page. Returns the order's number. */
export const buy = async (page, demo, product) => {
  await page.goto(demo.shop);
  await page.click(`#buy-${product}`);
  await page.waitForSelector('#main[data-state]');
  const open = ['NOTPAY', 'USERPAYING'];
  assert.ok(open.includes(await page.getAttribute('#main', 'data-state')), 'the order is open');
  return shownSn(page);
};

/** What the payer’s page gives to another device: its code’s text, or its button’s address. */
export const handedOver = async (page, wallet) => {
  await page.waitForSelector(`#qr[data-qr], #pay-${wallet}`);
  const code = await page.$('#qr');
  const text = code
    ? await code.getAttribute('data-qr')
    : await page.$eval(`#pay-${wallet}`, (link) => link.href);
  assert.match(text ?? '', /^https?:\/\//, 'what is scanned or opened is an address');
  return text;
};

/** Goes on from a page of ours until the wallet’s pay button is there. */
export const reachWallet = async (phone, wallet) => {
  for (let hop = 0; hop < HOPS_MAX; hop += 1) {
    await phone.waitForSelector(`#pay, #pay-${wallet}, #qr[data-qr]`);
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

/** Scans in a wallet of its own and pays. */
export const payInWallet = async (stage, demo, { wallet, address }) => {
  if (wallet === 'wechat' && address.includes('/order/qrcode/')) {
    const { page } = await openInWechat(stage, demo, pays);
    await page.goto(address);
    await page.click('#pay-wechat');
    await turnsPaid(page);
    return;
  }
  const phone = await stage.open(wallet);
  await phone.goto(address);
  await reachWallet(phone, wallet);
  await phone.click('#pay');
  await phone.waitForSelector('#result:has-text("支付成功")');
};

/** Waits until the page says that the order is paid; no time is lost on the way back. */
export const turnsPaid = async (page) => {
  await page.waitForSelector('#main[data-state="SUCCESS"]');
  await page.waitForSelector('#return');
};

/** Back to the shop, whose log must name the order with a right signature. */
export const returnToShop = async (stage, page, demo, sn) => {
  await page.click('#return');
  await page.waitForURL((url) => url.origin === new URL(demo.shop).origin);
  await page.waitForSelector('#state[data-state="SUCCESS"]', { timeout: NOTICE_MS_MAX });
  await stage.shoot(page, 'order');
  await page.goto(demo.shop);
  await page.waitForSelector(`#notifications tr.good:has-text("${sn}")`, { timeout: NOTICE_MS_MAX });
  await stage.shoot(page, 'shop');
};
