// The reference for merchants' engineers: read, searched, and its signature page, which must tell what the
// program itself would and let nothing out.

import assert from 'node:assert/strict';

const PAGES = ['', '/sign', '/payment-pay', '/notifications', '/products', '/states', '/codes'];

const fits = async (page) => {
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.equal(overflow, 0, `nothing sticks out sideways at ${page.url()}`);
};

const readAll = async (stage, demo, device, colorScheme) => {
  const page = await stage.open(device, { colorScheme, locale: 'en-GB' });
  for (const path of PAGES) {
    await page.goto(`${demo.api}/docs${path}`);
    await fits(page);
    await stage.look(page, path.slice(1) || 'home');
  }
  await page.click('.foot a[lang="zh-Hans"]');
  await page.waitForSelector('html[lang="zh-Hans"]');
  await page.click('.pages a[href^="/docs/payment-refund"]');
  await page.waitForSelector('h1:has-text("退款")');
  await stage.look(page, 'refund-in-chinese');
};

const search = async (stage, demo) => {
  const page = await stage.open('desktop', { locale: 'en-GB' });
  await page.goto(`${demo.api}/docs`);
  await page.fill('#q', 'wrong signature');
  await page.press('#q', 'Enter');
  await page.waitForSelector('.results a:has-text("4004")');
  await page.fill('#q', 'total_fee');
  await page.waitForSelector('.results li:first-child a:has-text("total_fee")');
  await stage.look(page, 'results');
  await page.click('.results li:first-child a');
  await page.waitForURL(/payment-pay.*#total_fee$/);
};

/** What the document's own example (1.2) signs, and its key. */
const MEMBERS = {
  mch_id: '10502105689001',
  pay_channel_id: '304',
  total_fee: '10000',
  out_trade_no: '2021020920221357790',
  notify_url: 'https://www.baidu.com',
  body: 'abc',
  attach: '11',
  return_url: 'https://www.baidu.com',
};
const SIGN = 'FF35FA2EBFB0DD709C33D58A26EEABDE';

/** Each other scheme is made or checked; a private key is not kept. */
const otherSchemes = async (page, key) => {
  const { createHash, createHmac, createSign, generateKeyPairSync } = await import('node:crypto');
  const right = () => page.waitForSelector('#verdict:has-text("✓")');
  await page.fill('#members', 'attach=&body=abc');
  await page.selectOption('#scheme', 'suffix');
  assert.equal(await page.textContent('#text'), `body=abc&key=${key}`);
  await page.fill('#given', createHash('md5').update(`body=abc&key=${key}`).digest('hex'));
  await right();
  await page.selectOption('#scheme', 'hmac-sha256');
  await page.fill('#members', 'body=abc&sign_type=HMAC-SHA256');
  const hmac = createHmac('sha256', key).update('bodyabcsign_typeHMAC-SHA256').digest('hex');
  assert.equal(await page.textContent('#plain'), hmac.toUpperCase());
  await page.fill('#given', hmac);
  await right();
  await page.selectOption('#scheme', 'rsa2');
  assert.ok(await page.isHidden('#key'), 'no shared key is asked for');
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await page.fill('#members', 'body=abc&sign_type=RSA2');
  await page.fill('#given', createSign('sha256').update('bodyabcsign_typeRSA2').sign(privateKey, 'base64'));
  await page.fill('#public', publicKey.export({ type: 'spki', format: 'pem' }));
  await right();
  await page.fill('#public', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  assert.equal(await page.inputValue('#public'), '', 'a private key is not kept');
  assert.ok(await page.isVisible('#forgotten'), 'and that is said');
};

const sign = async (stage, demo, device) => {
  const page = await stage.open(device, { locale: 'zh-CN' });
  const asked = [];
  const [first] = await Promise.all([
    page.goto(`${demo.api}/docs/sign`),
    page.waitForLoadState('load'),
  ]);
  const policy = first.headers()['content-security-policy'];
  assert.match(policy, /connect-src 'none'; form-action 'none'/, 'nothing can leave');
  page.on('request', (request) => asked.push(request.url()));
  await page.fill('#members', JSON.stringify(MEMBERS));
  await page.fill('#key', demo.merchant.key);
  assert.equal(await page.textContent('#plain'), SIGN);
  const text = await page.textContent('#text');
  assert.ok(text.startsWith('<key>attach11bodyabc') && !text.includes(demo.merchant.key), text);
  await page.fill('#given', SIGN.toLowerCase());
  await page.waitForSelector('#verdict:has-text("✓")');
  await page.fill('#given', '00000000000000000000000000000000');
  await page.waitForSelector('#verdict:has-text("对不上")');
  await page.fill('#members', 'attach=&body=abc');
  // MD5 of the key, bodyabc, and the key: the empty value was left out.
  const { createHash } = await import('node:crypto');
  const { key } = demo.merchant;
  await page.fill('#given', createHash('md5').update(`${key}bodyabc${key}`).digest('hex'));
  await page.waitForSelector('#verdict:has-text("空值")');
  await fits(page);
  await stage.look(page, 'found');
  await page.check('#show');
  assert.ok((await page.textContent('#text')).includes(key), 'the key is shown to who asks');
  await otherSchemes(page, key);
  await fits(page);
  await stage.look(page, 'schemes');
  const blocked = await page.evaluate(() => fetch('/healthz').then(() => 'sent', () => 'blocked'));
  assert.equal(blocked, 'blocked');
  assert.deepEqual(asked.filter((url) => url.includes(key)), [], 'no request carries the key');
};

/** The reference in both sizes, by day and by night; searching; the signature's page. */
export const reference = [
  {
    name: 'read the reference on desktop',
    run: (stage, demo) => readAll(stage, demo, 'desktop', 'light'),
  },
  {
    name: 'read the reference on phone, dark',
    run: (stage, demo) => readAll(stage, demo, 'phone', 'dark'),
  },
  { name: 'search the reference', run: search },
  ...['desktop', 'phone'].map((device) => ({
    name: `compute a signature on ${device}`,
    run: async (stage, demo) => {
      stage.provoke(/Refused to connect|violates the following|Content Security Policy/);
      await sign(stage, demo, device);
    },
  })),
];
