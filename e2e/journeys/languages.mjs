// The payer's page in its three languages and both sizes: it fits, it is light, and its policy
// allows nothing inline.

import assert from 'node:assert/strict';
import { buy } from './payments.mjs';

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

const read = async (stage, demo, { locale, lang, device }) => {
  const buyer = await stage.open(device, locale);
  await buy(buyer, demo, 304);
  const page = await stage.open(device, locale);
  const { bytes, policy } = await weigh(page, buyer.url());
  assert.match(await page.getAttribute('html', 'lang'), lang, 'the page’s language');
  assert.ok(bytes <= PAGE_BYTES_MAX, `${bytes} bytes are more than ${PAGE_BYTES_MAX}`);
  assert.match(policy, /default-src 'none'|default-src 'self'/, 'a policy that denies by default');
  assert.doesNotMatch(policy, /unsafe/, 'a policy without exceptions');
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.equal(overflow, 0, 'nothing sticks out sideways');
  await stage.shoot(page, 'open');
};

/** Every language × size. */
export const languages = LANGUAGES.flatMap(({ locale, lang }) =>
  ['phone', 'desktop'].map((device) => ({
    name: `read in ${locale} on ${device}`,
    run: (stage, demo) => read(stage, demo, { locale, lang, device }),
  })),
);
