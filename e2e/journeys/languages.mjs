// The payer's page in its three languages and both sizes: it fits, it is light, and its policy
// allows nothing inline. And the shop, as people see it.

import assert from 'node:assert/strict';
import { payElsewhere } from '../merchant.mjs';
import { buy } from './steps.mjs';

const PAGE_BYTES_MAX = 30 * 1024;

/** What the browser asks for, and what the page must say that it is written in. */
const LANGUAGES = [
  { locale: 'zh-CN', lang: /^zh-(Hans|CN)/ },
  { locale: 'zh-HK', lang: /^zh-(Hant|HK|TW)/ },
  { locale: 'en-GB', lang: /^en/ },
];

/** Bytes of everything that loading `address` fetches, streams of events aside. */
const weigh = async (page, address) => {
  const responses = [];
  page.on('response', (response) => responses.push(response));
  const [first] = await Promise.all([page.goto(address), page.waitForLoadState('load')]);
  let bytes = 0;
  for (const response of responses) {
    const type = response.headers()['content-type'] ?? '';
    if (!type.startsWith('text/event-stream')) bytes += (await response.body()).length;
  }
  return { bytes, policy: first.headers()['content-security-policy'] ?? '' };
};

const read = async (stage, demo, { locale, lang, device, colorScheme }) => {
  const buyer = await stage.open(device, { locale });
  await buy(buyer, demo, 304);
  const page = await stage.open(device, { locale, colorScheme });
  const { bytes, policy } = await weigh(page, buyer.url());
  assert.match(await page.getAttribute('html', 'lang'), lang, 'the page’s language');
  assert.ok(bytes <= PAGE_BYTES_MAX, `${bytes} bytes are more than ${PAGE_BYTES_MAX}`);
  assert.match(policy, /default-src 'none'|default-src 'self'/, 'a policy that denies by default');
  assert.doesNotMatch(policy, /unsafe/, 'a policy without exceptions');
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.equal(overflow, 0, 'nothing sticks out sideways');
  await stage.look(page, 'open');
  for (const tag of ['en', 'zh-Hant', 'zh-Hans']) {
    await page.click(`.foot a[lang="${tag}"]`);
    await page.waitForSelector(`html[lang="${tag}"] #main[data-state]`);
  }
  await page.goto(demo.api);
  assert.match(await page.getAttribute('html', 'lang'), lang, 'the landing page’s language');
  await stage.look(page, 'landing');
};

/** The shop, before and after a payment. */
const visitShop = async (stage, demo, device) => {
  const page = await stage.open(device, { colorScheme: device === 'phone' ? 'dark' : 'light' });
  await page.goto(demo.shop);
  await stage.look(page, '1-shop');
  const sn = await buy(page, demo, 202);
  await page.goBack();
  await payElsewhere(demo, sn);
  const row = await page.waitForSelector(`#notifications tr.good:has-text("${sn}")`);
  await (await row.$('summary')).click();
  await stage.look(page, '2-heard');
  await (await row.$('a')).click();
  await page.waitForSelector('#state[data-state="SUCCESS"]');
  await stage.look(page, '3-order');
};

/** Every language × size, by day and once by night; and the shop. */
export const languages = [
  ...LANGUAGES.flatMap(({ locale, lang }) =>
    [
      { device: 'phone', colorScheme: 'light' },
      { device: 'phone', colorScheme: 'dark' },
      { device: 'desktop', colorScheme: locale === 'zh-CN' ? 'dark' : 'light' },
    ].map(({ device, colorScheme }) => ({
      name: `read in ${locale} on ${device}, ${colorScheme}`,
      run: (stage, demo) => read(stage, demo, { locale, lang, device, colorScheme }),
    })),
  ),
  ...['phone', 'desktop'].map((device) => ({
    name: `visit the shop on ${device}`,
    run: (stage, demo) => visitShop(stage, demo, device),
  })),
];
