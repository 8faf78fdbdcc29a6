// The program under test: `jubao demo` as a process of its own, on ports that it chose itself.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';

const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;

const binary =
  process.env.JUBAO_BIN ?? new URL('../target/debug/jubao', import.meta.url).pathname;

/** Starts a demo; resolves to its addresses and `stop` once it is ready. */
export const startDemo = async (artifacts) => {
  const child = spawn(binary, ['demo', '--json', '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(`${artifacts}demo.log`);
  child.stderr.pipe(log);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
    await exited;
    clearTimeout(hard);
  };
  try {
    return { ...(await ready(child)), stop };
  } catch (error) {
    if (child.pid !== undefined) await stop();
    throw new Error(`${error.message}; see ${artifacts}demo.log`);
  }
};

/** The line that says that it is ready. */
const ready = (child) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the demo was not ready in time')), READY_MS_MAX);
    const fail = (why) => {
      clearTimeout(timer);
      reject(new Error(why));
    };
    child.once('error', (error) => fail(`${binary} did not start: ${error.message}`));
    child.once('exit', (code) => fail(`the demo ended with ${code}`));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = parse(line);
      if (said?.ready !== true) return;
      clearTimeout(timer);
      resolve(said);
    });
  });

const parse = (line) => {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
};
