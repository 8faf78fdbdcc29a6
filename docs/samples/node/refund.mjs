import { call } from './jubao.mjs';

const { code, message, data } = await call('/payment/refund', {
  out_trade_no: process.env.OUT_TRADE_NO,
  out_refund_no: `${process.env.OUT_TRADE_NO}-R1`, // yours: one number is one refund
  refund_fee: 314,
});
console.log(code === 200 ? data.refund_status : `${code} ${message}`);
