import { call } from './jubao.mjs';

const { code, message, data } = await call('/payment/pay', {
  pay_channel_id: 304,
  total_fee: 1314, // 13.14, in fen
  out_trade_no: process.env.OUT_TRADE_NO, // yours: it makes repeating safe
  notify_url: process.env.NOTIFY_URL,
  body: '明前龙井',
});
console.log(code === 200 ? `${data.sn} ${data.code_url}` : `${code} ${message}`);
