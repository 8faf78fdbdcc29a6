// Receives notifications: PORT=8000 node notify.mjs

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { isSigned } from './jubao.mjs';

/** A notification comes as a form or as JSON. */
const read = (body) =>
  body.startsWith('{') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));

createServer(async (request, response) => {
  const params = read(await text(request));
  const isOurs = isSigned(params);
  // In one transaction of yours: find the order, compare total_fee, mark it paid if it is not yet.
  if (isOurs) console.log('paid', params.out_trade_no, params.total_fee);
  response.end(isOurs ? 'success' : 'fail');
}).listen(Number(process.env.PORT), '127.0.0.1');
