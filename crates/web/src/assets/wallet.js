// What a page asks of the app around it: WeChat's own payment, and the payer's clipboard.
// What WeChat answers is a hint for the payer; whether it is paid, the server says.
(() => {
  "use strict";
  const WECHAT_MS_MAX = 3000;
  const byId = (id) => document.getElementById(id);
  let isBusy = false;

  const show = (id) => {
    for (const other of ["called-ok", "called-cancel", "called-fail", "called-not"]) {
      const hint = byId(other);
      if (hint) hint.hidden = other !== id;
    }
    for (const other of ["again", "with-code"]) {
      const link = byId(other);
      if (link) link.hidden = id !== "called-fail" && (id !== "called-not" || other === "again");
    }
    const button = byId("call");
    if (button) button.hidden = id === "called-ok";
  };

  // "get_brand_wcpay_request:ok", "…:cancel", "…:fail"; versions differ in the member's name.
  const heard = (result) => {
    isBusy = false;
    const said = String((result && (result.err_msg || result.errMsg)) || "").toLowerCase();
    if (said.includes("cancel")) show("called-cancel");
    else if (/ok$/.test(said)) show("called-ok");
    else show("called-fail");
    document.dispatchEvent(new Event("visibilitychange"));
  };

  // The Hong Kong wallet: steps 2 and 3 of the merchants' document.
  const payInHongKong = (config, call) => {
    if (!window.wx) return heard();
    window.wx.error(() => heard());
    window.wx.ready(() => window.wx.invoke("getH5PrepayRequest", call, heard));
    window.wx.config(config);
  };

  const payWithWechat = (call) => {
    const begin = () => window.WeixinJSBridge.invoke("getBrandWCPayRequest", call, heard);
    if (window.WeixinJSBridge) return begin();
    const ready = () => { clearTimeout(timer); begin(); };
    const timer = setTimeout(() => {
      document.removeEventListener("WeixinJSBridgeReady", ready);
      isBusy = false;
      show("called-not");
    }, WECHAT_MS_MAX);
    document.addEventListener("WeixinJSBridgeReady", ready, { once: true });
  };

  const pay = (button) => {
    if (isBusy) return;
    isBusy = true;
    show("");
    const call = JSON.parse(button.dataset.call);
    if (button.dataset.config) payInHongKong(JSON.parse(button.dataset.config), call);
    else payWithWechat(call);
  };

  const copy = async (button) => {
    const link = byId("link");
    link.select();
    try { await navigator.clipboard.writeText(link.value); } catch { document.execCommand("copy"); }
    button.textContent = button.dataset.done;
  };

  // The page's main part is replaced when the order changes: its buttons are found when pressed.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("#call, #copy");
    if (button) (button.id === "call" ? pay : copy)(button);
  });

  const copier = byId("copy");
  if (copier) copier.hidden = false;
  // Who has just been to WeChat and back pressed the button before; who reloads did not.
  const how = performance.getEntriesByType("navigation")[0];
  const call = byId("call");
  if (call && "begins" in call.dataset && how && how.type === "navigate") pay(call);
})();
