import { call } from './jubao.mjs';

const { code, message, data } = await call('/order/query', { out_trade_no: process.env.OUT_TRADE_NO });
console.log(code === 200 ? data.trade_state : `${code} ${message}`);
