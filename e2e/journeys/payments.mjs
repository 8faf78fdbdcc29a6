// From the shop to a paid order and back, the wallet being on another device: every product, on a
// phone and on a desktop. The payer's page must turn to paid by itself, and the shop must have been
// notified.

import assert from 'node:assert/strict';
import { buy, handedOver, payInWallet, returnToShop, turnsPaid } from './steps.mjs';

/** Product, and the wallets that can pay it. */
export const PRODUCTS = [
  { product: 101, wallets: ['alipay'] },
  { product: 102, wallets: ['alipay'] },
  { product: 201, wallets: ['wechat'] },
  { product: 202, wallets: ['wechat'] },
  { product: 304, wallets: ['alipay', 'wechat'] },
];

const pay = async (stage, demo, { product, wallet, device }) => {
  const page = await stage.open(device);
  const sn = await buy(page, demo, product);
  await page.evaluate(() => {
    window.__mark = 'not reloaded';
  });
  await stage.look(page, '1-open');
  await payInWallet(stage, demo, { wallet, address: await handedOver(page, wallet) });
  await turnsPaid(page);
  assert.equal(await page.evaluate(() => window.__mark), 'not reloaded', 'it turned by itself');
  const stay = page.locator('#stay');
  if (await stay.isVisible()) await stay.click();
  await stage.look(page, '2-paid');
  await returnToShop(stage, page, demo, sn);
};

/** Every product × wallet × size. */
export const payments = PRODUCTS.flatMap(({ product, wallets }) =>
  wallets.flatMap((wallet) =>
    ['phone', 'desktop'].map((device) => ({
      name: `pay ${product} with ${wallet} on another device than ${device}`,
      run: (stage, demo) => pay(stage, demo, { product, wallet, device }),
    })),
  ),
);
