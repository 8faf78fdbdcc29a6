// WeChat around a page of ours: what its scripts call (`WeixinJSBridge`) opens the simulated wallet in a
// tab of its own, where the journey acts as the payer, and the page hears what became of it.

/** Where each call opens the wallet, and the name of its parameter. */
const WALLETS = {
  getBrandWCPayRequest: { path: '/wechat_v2/invoke', result: 'get_brand_wcpay_request' },
  getH5PrepayRequest: { path: '/hk/wechat_v2/invoke', result: 'get_h5_prepay_request' },
};

/** Opens a page inside WeChat. `payer(wallet)` acts on the wallet's page and says `ok` or `cancel`. */
export const openInWechat = async (stage, demo, payer, wishes = {}) => {
  const page = await stage.open('wechat', wishes);
  const calls = [];
  await page.exposeFunction('__invoke', async (name, call) => {
    calls.push(name);
    const wallet = WALLETS[name];
    if (!wallet) return `${name}:fail`;
    const tab = await stage.tab(page.context(), 'wechat');
    const config = new URLSearchParams({ config: JSON.stringify(call) });
    await tab.goto(`${demo.sim}${wallet.path}?${config}`);
    const said = await payer(tab, calls.length);
    await tab.close();
    return `${wallet.result}:${said}`;
  });
  await page.addInitScript(() => {
    window.WeixinJSBridge = {
      invoke: (name, call, hear) =>
        window.__invoke(name, call).then((said) => hear({ err_msg: said })),
    };
  });
  return { page, calls };
};

/** Pays in the simulated wallet. */
export const pays = async (wallet) => {
  await wallet.click('#pay');
  await wallet.waitForSelector('#result:has-text("支付成功")');
  return 'ok';
};

/** Turns away, and pays when asked for the second time. */
export const paysOnSecondThought = async (wallet, times) => {
  if (times > 1) return pays(wallet);
  await wallet.click('#cancel');
  await wallet.waitForSelector('#hint:has-text("已取消")');
  return 'cancel';
};
