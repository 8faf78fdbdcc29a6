// Debian's Chromium with the sizes and wallets that journeys ask for. Every page is watched: an
// error on its console, an uncaught exception, a refused resource (a breach of the content security
// policy is one) or a failed request fails the journey. A journey that provokes one says so before,
// and fails if it does not come.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** Rules of accessibility that pages are held to. */
const AXE_RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const EXECUTABLE = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];
const WAIT_MS_MAX = 15_000;

const IPHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';

/** What a page can be opened in: size, touch, user agent. */
export const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: {
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
    isMobile: true,
    hasTouch: true,
    userAgent: `${IPHONE} Version/17.4 Mobile/15E148 Safari/604.1`,
  },
};
DEVICES.alipay = {
  ...DEVICES.phone,
  userAgent: `${IPHONE} Mobile/15E148 AliApp(AP/10.5.80.6000) AlipayClient/10.5.80.6000 Language/zh-Hans`,
};
DEVICES.wechat = {
  ...DEVICES.phone,
  userAgent: `${IPHONE} Mobile/15E148 MicroMessenger/8.0.47(0x18002f2c) NetType/WIFI Language/zh_CN`,
};
DEVICES.unionpay = {
  ...DEVICES.phone,
  userAgent: `${IPHONE} Mobile/15E148 com.unionpay.chsp(10.0.0) UnionPay/1.0 CloudPay`,
};

/** Starts the browser. */
export const launch = async () => {
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS });
  return {
    stage: async (journey, artifacts) => new Stage(browser, journey, artifacts),
    close: () => browser.close(),
  };
};

/** The pages of one journey, and what went wrong in them. */
class Stage {
  #browser;
  #prefix;
  #contexts = [];
  #pages = [];
  #problems = [];
  #provoked = [];

  constructor(browser, journey, artifacts) {
    this.#browser = browser;
    this.#prefix = artifacts + journey.name.replaceAll(/[^a-z0-9]+/gi, '-');
  }

  /** A page of its own in a device of `DEVICES`; `wishes` are options of Playwright's context. */
  async open(device, wishes = {}) {
    const context = await this.#browser.newContext({
      ...DEVICES[device],
      locale: 'zh-CN',
      reducedMotion: 'reduce',
      ...wishes,
    });
    context.setDefaultTimeout(WAIT_MS_MAX);
    this.#contexts.push(context);
    return this.tab(context, device);
  }

  /** Another tab of a browser that is open already. */
  async tab(context, device) {
    const page = await context.newPage();
    this.#pages.push(page);
    this.#watch(page, device);
    return page;
  }

  /** From now on a problem that matches is wanted, and must have come by the journey's end. */
  provoke(pattern) {
    this.#provoked.push({ pattern, times: 0 });
  }

  #watch(page, device) {
    const note = (what) => {
      const wanted = this.#provoked.find(({ pattern }) => pattern.test(what));
      if (wanted) wanted.times += 1;
      else this.#problems.push(`${device} at ${page.url()}: ${what}`);
    };
    page.on('console', (message) => {
      if (message.type() === 'error') note(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => note(`exception: ${error.message}`));
    page.on('crash', () => note('the page crashed'));
    page.on('requestfailed', (request) => {
      // A stream of events, or a poll, ends when its page goes away: that is no failure.
      const why = request.failure()?.errorText ?? 'unknown';
      if (why !== 'net::ERR_ABORTED') note(`${request.url()}: ${why}`);
    });
  }

  /** Keeps a picture of a page. */
  async shoot(page, title) {
    await page.screenshot({ path: `${this.#prefix}-${title}.png`, fullPage: true });
  }

  /** Holds a page to the rules of accessibility. */
  async audit(page) {
    await page.evaluate(AXE);
    const found = await page.evaluate(
      (rules) => window.axe.run(document, { runOnly: rules }),
      AXE_RULES,
    );
    for (const { id, help, nodes } of found.violations) {
      const where = nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`);
      this.#problems.push(`${page.url()} breaks ${id} (${help}): ${where.join('; ')}`);
    }
  }

  /** A picture and an audit. */
  async look(page, title) {
    await this.shoot(page, title);
    await this.audit(page);
  }

  /** Keeps a picture of every page, for whoever looks into a failure. */
  async shootAll(title) {
    for (const [at, page] of this.#pages.entries()) {
      await this.shoot(page, `${title}-${at}`).catch(() => {});
    }
  }

  /** Throws what the browsers reported. */
  complain() {
    const missed = this.#provoked.filter(({ times }) => times === 0);
    const problems = [
      ...this.#problems,
      ...missed.map(({ pattern }) => `nothing matched ${pattern}, which was provoked`),
    ];
    if (problems.length > 0) throw new Error(problems.join('\n'));
  }

  async close() {
    for (const context of this.#contexts) await context.close();
  }
}
