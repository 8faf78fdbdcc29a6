//! Every sentence of the payer's page, in every language.
//!
//! The type of [`Texts`] is the check: a text that lacks a language does not compile. `{}` stands
//! for the one value that a sentence may carry.

use kernel::product::Provider;

use crate::language::{Language, Text};

/// The sentences, by where they stand.
pub(crate) struct Texts {
    pub title: Text,
    pub pay_to: Text,
    pub goods: Text,
    pub order: Text,
    pub time_left: Text,
    pub or: Text,
    pub comma: Text,
    pub scan: Text,
    pub scan_hint: Text,
    pub scan_phone: Text,
    pub qr_label: Text,
    pub qr_missing: Text,
    pub open: Text,
    pub open_hint: Text,
    pub open_before: Text,
    pub call: Text,
    pub call_no_script: Text,
    pub call_no_wechat: Text,
    pub call_cancelled: Text,
    pub call_failed: Text,
    pub call_done: Text,
    pub call_again: Text,
    pub call_code: Text,
    pub outside: Text,
    pub outside_hint: Text,
    pub outside_menu: Text,
    pub outside_open: Text,
    pub outside_link: Text,
    pub outside_copy: Text,
    pub outside_copied: Text,
    pub choose: Text,
    pub choose_scan: Text,
    pub long_press: Text,
    pub long_press_hint: Text,
    pub long_press_link: Text,
    pub wait: Text,
    pub wait_hint: Text,
    pub trouble: Text,
    pub trouble_hint: Text,
    pub not_offered: Text,
    pub not_offered_hint: Text,
    pub elsewhere: Text,
    pub elsewhere_hint: Text,
    pub busy: Text,
    pub busy_hint: Text,
    pub retry: Text,
    pub check: Text,
    pub checking: Text,
    pub checking_hint: Text,
    pub paid: Text,
    pub paid_hint: Text,
    pub closed: Text,
    pub expired: Text,
    pub closed_hint: Text,
    pub failed: Text,
    pub failed_hint: Text,
    pub refunded: Text,
    pub refunded_hint: Text,
    pub revoked: Text,
    pub revoked_hint: Text,
    pub back: Text,
    pub back_soon: Text,
    pub stay: Text,
    pub may_close: Text,
    pub offline: Text,
    pub not_found: Text,
    pub not_found_hint: Text,
}

/// The one table of them.
pub(crate) static TEXTS: Texts = Texts {
    title: ["付款", "付款", "Pay"],
    pay_to: ["付款给", "付款給", "Pay to"],
    goods: ["商品", "商品", "For"],
    order: ["订单号", "訂單編號", "Order"],
    time_left: ["剩余时间", "剩餘時間", "Time left"],
    or: ["或", "或", " or "],
    comma: ["、", "、", ", "],
    scan: ["请用{}扫一扫付款", "請用{}掃一掃付款", "Scan with {} to pay"],
    scan_hint: [
        "付款后本页会自动显示结果",
        "付款後本頁會自動顯示結果",
        "This page shows the result once you have paid",
    ],
    scan_phone: [
        "就在这部手机上付款？截屏后在{}里选“扫一扫 → 相册”",
        "就在這部手機上付款？截圖後在{}裡選「掃一掃 → 相簿」",
        "Paying on this phone? Take a screenshot, then choose Scan → Album in {}",
    ],
    qr_label: ["付款二维码", "付款二維碼", "QR code to pay"],
    qr_missing: [
        "二维码无法显示，请回到商家重新下单",
        "二維碼無法顯示，請回到商家重新下單",
        "The code cannot be shown; please order again at the shop",
    ],
    open: ["用{}付款", "用{}付款", "Pay with {}"],
    open_hint: [
        "付款后请回到本页查看结果",
        "付款後請回到本頁查看結果",
        "Come back to this page after paying to see the result",
    ],
    open_before: [
        "您之前用{}发起的付款会先取消",
        "您之前用{}發起的付款會先取消",
        "What you began with {} is cancelled first",
    ],
    call: ["微信支付", "微信支付", "Pay with WeChat Pay"],
    call_no_script: [
        "请允许本页运行脚本，再付款",
        "請允許本頁執行腳本，再付款",
        "Please allow this page to run scripts, then pay",
    ],
    call_no_wechat: [
        "请在手机微信里打开本页付款",
        "請在手機微信裡打開本頁付款",
        "Please open this page in WeChat on your phone to pay",
    ],
    call_cancelled: [
        "您取消了付款，可以再次付款",
        "您取消了付款，可以再次付款",
        "You cancelled; you can pay again",
    ],
    call_failed: [
        "微信未能发起付款。如果您没有付款，请重试",
        "微信未能發起付款。如果您沒有付款，請重試",
        "WeChat could not start the payment. If you have not paid, please try again",
    ],
    call_done: [
        "正在等待付款结果，请勿再次付款",
        "正在等待付款結果，請勿再次付款",
        "Waiting for the result; please do not pay again",
    ],
    call_again: ["换个微信账号？重新开始", "換個微信帳號？重新開始", "Another account? Start over"],
    call_code: ["改用二维码付款", "改用二維碼付款", "Pay with a QR code instead"],
    outside: ["请在浏览器中打开", "請在瀏覽器中打開", "Open in your browser"],
    outside_hint: [
        "这种付款方式在当前应用里打不开",
        "這種付款方式在目前的應用程式裡打不開",
        "This way to pay does not open inside this app",
    ],
    outside_menu: ["点右上角的 ···", "點右上角的 ···", "Tap ··· in the top right corner"],
    outside_open: ["选“在浏览器打开”", "選「在瀏覽器打開」", "Choose “Open in browser”"],
    outside_link: ["付款链接", "付款連結", "Link to pay"],
    outside_copy: [
        "复制链接，到浏览器打开",
        "複製連結，到瀏覽器打開",
        "Copy the link for your browser",
    ],
    outside_copied: ["已复制", "已複製", "Copied"],
    choose: ["选择付款方式", "選擇付款方式", "Choose how to pay"],
    choose_scan: ["或用{}扫一扫", "或用{}掃一掃", "Or scan with {}"],
    long_press: ["长按二维码付款", "長按二維碼付款", "Press and hold the code to pay"],
    long_press_hint: [
        "长按后选“识别图中的二维码”",
        "長按後選「識別圖中的二維碼」",
        "Then choose “Scan QR code in image”",
    ],
    long_press_link: ["识别不了？点此继续", "識別不了？點此繼續", "Not working? Continue here"],
    wait: ["正在等待付款结果", "正在等待付款結果", "Waiting for the result"],
    wait_hint: [
        "请在您的付款应用中完成付款。本页会自动更新，无需重复付款。",
        "請在您的付款應用程式中完成付款。本頁會自動更新，無需重複付款。",
        "Please finish paying in your wallet app. This page updates by itself; do not pay twice.",
    ],
    trouble: ["暂时无法发起付款", "暫時無法發起付款", "Payment cannot be started right now"],
    trouble_hint: [
        "请稍后重试。如果您已经付款，请勿再次付款。",
        "請稍後重試。如果您已經付款，請勿再次付款。",
        "Please try again in a moment. If you have paid already, do not pay again.",
    ],
    not_offered: ["此付款方式暂不可用", "此付款方式暫不可用", "This way to pay is not available"],
    not_offered_hint: [
        "请换一个钱包打开，或回到商家选择其他付款方式。",
        "請換一個錢包打開，或回到商家選擇其他付款方式。",
        "Please open this page with another wallet, or choose another way to pay at the shop.",
    ],
    elsewhere: ["正在取消之前的付款", "正在取消之前的付款", "Cancelling the earlier payment"],
    elsewhere_hint: [
        "您在另一处发起的付款还不能确定已取消，请过几秒再试。如果您已经付款，请勿再次付款。",
        "您在另一處發起的付款還不能確定已取消，請過幾秒再試。如果您已經付款，請勿再次付款。",
        "It is not certain yet that what you began elsewhere is cancelled. Please try again in a few \
         seconds. If you have paid already, do not pay again.",
    ],
    busy: ["访问的人太多", "存取的人太多", "Too many people are here"],
    busy_hint: [
        "请等几秒再试。如果您已经付款，请勿再次付款。",
        "請等幾秒再試。如果您已經付款，請勿再次付款。",
        "Please try again in a few seconds. If you have paid already, do not pay again.",
    ],
    retry: ["重试", "重試", "Try again"],
    check: ["已付款？查看结果", "已付款？查看結果", "Paid already? Check the result"],
    checking: ["正在确认付款结果", "正在確認付款結果", "Confirming the result"],
    checking_hint: [
        "付款时间已过，我们正在向付款渠道核对。请勿再次付款。",
        "付款時間已過，我們正在向付款渠道核對。請勿再次付款。",
        "The time to pay is over and we are asking the payment network. Please do not pay again.",
    ],
    paid: ["付款成功", "付款成功", "Payment successful"],
    paid_hint: ["商家已可看到这笔付款", "商家已可看到這筆付款", "The shop can see this payment"],
    closed: ["订单已关闭", "訂單已關閉", "Order closed"],
    expired: ["订单已过期", "訂單已過期", "Order expired"],
    closed_hint: [
        "这笔订单不能再付款。如果您已经付款，款项会记入订单或原路退回。",
        "這筆訂單不能再付款。如果您已經付款，款項會記入訂單或原路退回。",
        "This order can no longer be paid. If you have paid, the money will be credited or returned.",
    ],
    failed: ["付款未成功", "付款未成功", "Payment failed"],
    failed_hint: [
        "这次付款没有成功，请回到商家重新下单。",
        "這次付款沒有成功，請回到商家重新下單。",
        "This payment did not go through. Please order again at the shop.",
    ],
    refunded: ["已退款", "已退款", "Refunded"],
    refunded_hint: [
        "款项原路退回，到账时间以付款渠道为准。",
        "款項原路退回，到賬時間以付款渠道為準。",
        "The money goes back the way it came; when it arrives depends on the payment network.",
    ],
    revoked: ["订单已撤销", "訂單已撤銷", "Order cancelled"],
    revoked_hint: [
        "如果您已经付款，款项会原路退回。",
        "如果您已經付款，款項會原路退回。",
        "If you have paid, the money goes back the way it came.",
    ],
    back: ["返回商家", "返回商家", "Back to the shop"],
    back_soon: ["{} 秒后返回商家", "{} 秒後返回商家", "Returning to the shop in {} s"],
    stay: ["留在本页", "留在本頁", "Stay here"],
    may_close: ["您可以关闭本页", "您可以關閉本頁", "You may close this page"],
    offline: [
        "网络不稳定，正在重新连接…",
        "網絡不穩定，正在重新連接…",
        "The connection is unstable; reconnecting…",
    ],
    not_found: ["找不到这笔订单", "找不到這筆訂單", "Order not found"],
    not_found_hint: [
        "链接可能不完整。请回到商家页面，重新打开付款链接。",
        "連結可能不完整。請回到商家頁面，重新打開付款連結。",
        "The link may be incomplete. Please go back to the shop and open it again.",
    ],
};

/// `text` in `language` with `value` where it has `{}`.
pub(crate) fn fill(language: Language, text: Text, value: &str) -> String {
    language.of(text).replacen("{}", value, 1)
}

/// Name of a wallet for payers.
pub(crate) fn wallet(language: Language, provider: Provider) -> &'static str {
    language.of(match provider {
        Provider::Alipay => ["支付宝", "支付寶", "Alipay"],
        Provider::Wechat => ["微信", "微信", "WeChat"],
        Provider::Unionpay => ["云闪付", "雲閃付", "UnionPay"],
    })
}

/// Names of wallets, as in “微信或支付宝”.
pub(crate) fn wallets(language: Language, providers: &[Provider]) -> String {
    let names: Vec<_> = providers.iter().map(|provider| wallet(language, *provider)).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => {
            format!("{}{}{last}", others.join(language.of(TEXTS.comma)), language.of(TEXTS.or))
        }
        None => String::new(),
    }
}
