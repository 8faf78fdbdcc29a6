// Runs every browser journey against a demo of its own. One line a journey; any failure, and any
// error that a browser reports, fails the run. Screenshots go to artifacts/.
//
//   node e2e/run.mjs [PART OF A JOURNEY'S NAME]

import { mkdir, rm } from 'node:fs/promises';
import { launch } from './browser.mjs';
import { startDemo } from './demo.mjs';
import { languages } from './journeys/languages.mjs';
import { mishaps } from './journeys/mishaps.mjs';
import { payments } from './journeys/payments.mjs';
import { phones } from './journeys/phones.mjs';
import { reference } from './journeys/reference.mjs';
import { wallets } from './journeys/wallets.mjs';

const JOURNEY_MS_MAX = 60_000;

const artifacts = new URL('../artifacts/', import.meta.url).pathname;
const wanted = process.argv[2] ?? '';
const journeys = [
  ...mishaps,
  ...payments,
  ...phones,
  ...wallets,
  ...languages,
  ...reference,
].filter(({ name }) => name.includes(wanted));

const within = (promise, limitMs, what) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${limitMs} ms`)), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const perform = async (journey, browser, demo) => {
  const begun = performance.now();
  const stage = await browser.stage(journey, artifacts);
  let problem = null;
  try {
    const limitMs = JOURNEY_MS_MAX + (journey.waitsMs ?? 0);
    await within(journey.run(stage, demo), limitMs, 'the journey');
    stage.complain();
  } catch (error) {
    problem = error;
    await stage.shootAll('failed');
  } finally {
    await stage.close();
  }
  const took = Math.round(performance.now() - begun);
  console.log(`${problem ? 'FAILED' : 'ok    '} ${journey.name} (${took} ms)`);
  if (problem) console.log(`       ${problem.stack}`.replaceAll('\n', '\n       '));
  return problem === null;
};

const main = async () => {
  if (journeys.length === 0) throw new Error(`no journey is called “${wanted}”`);
  await rm(artifacts, { recursive: true, force: true });
  await mkdir(artifacts, { recursive: true });
  const demo = await startDemo(artifacts);
  let failed = 0;
  try {
    const browser = await launch();
    const count = async (journey) => {
      if (!(await perform(journey, browser, demo))) failed += 1;
    };
    try {
      // Journeys that mostly wait do so while the others run, one after the other.
      const waiting = journeys.filter(({ waitsMs }) => waitsMs).map(count);
      for (const journey of journeys.filter(({ waitsMs }) => !waitsMs)) await count(journey);
      await Promise.all(waiting);
    } finally {
      await browser.close();
    }
  } finally {
    await demo.stop();
  }
  console.log(`journeys: ${journeys.length - failed} passed, ${failed} failed`);
  return failed;
};

process.exitCode = (await main()) === 0 ? 0 : 1;
