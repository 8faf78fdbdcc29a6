// What the judges of this folder share: settings, findings, notifications, the simulator's switches.

import { once } from 'node:events';
import { createServer } from 'node:http';

const NOTICE_MS_MAX = 15_000;

/** A setting of the environment; without it the judge ends with 2. */
export const setting = (name) => {
  const value = process.env[name];
  if (value) return value;
  console.error(`${process.argv[1]}: ${name} is not set`);
  process.exit(2);
};

/** Where the simulators are. */
export const sim = setting('SIM').replace(/\/$/, '');

const post = (path, body) => fetch(`${sim}${path}`, { method: 'POST', body: JSON.stringify(body) });

/** Has the simulated payer pay; the HTTP status. */
export const pay = async (outTradeNo) => (await post(`/pay/${outTradeNo}`, {})).status;

/** Moves the simulators' clock. */
export const wait = (seconds) => post('/clock', { seconds });

const checks = [];
const failed = [];

/** A finding. */
export const check = (holds, what) => {
  checks.push(what);
  if (!holds) failed.push(what);
};

/** Runs the parts one after the other, prints the verdict as one line of JSON, and sets the exit code. */
export const judge = async (...parts) => {
  for (const part of parts) {
    try {
      await part();
    } catch (error) {
      check(false, `${part.name}: ${error.stack}`);
    }
  }
  console.log(JSON.stringify({ ok: failed.length === 0, checks: checks.length, failed }));
  process.exitCode = failed.length === 0 ? 0 : 1;
};

/**
 * A server for notifications. `receive(body, headers)` gives back the answer's body and the key that
 * the notification is waited for under.
 */
export const listen = async (receive) => {
  const heard = new Map();
  const of = (key) => {
    if (!heard.has(key)) {
      const made = {};
      made.promise = new Promise((resolve) => Object.assign(made, { resolve }));
      heard.set(key, made);
    }
    return heard.get(key);
  };
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const { answer, key, notice } = await receive(Buffer.concat(chunks).toString('utf8'), request.headers);
    response.end(answer);
    of(key).resolve(notice);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/notify`,
    /** The notification of that key, or null if none comes. */
    heard: (key) => {
      const late = new Promise((resolve) => setTimeout(resolve, NOTICE_MS_MAX, null).unref());
      return Promise.race([of(key).promise, late]);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
};
