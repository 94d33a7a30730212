// Holds Peapod's API against a real kube-apiserver: the same requests to both, and every answer that differs.
// PEER_KUBE_APISERVER=... PEER_ETCD=... node bench/compare.ts [part of a kind's name]
import { Agent, request } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { everyKind } from '../test/support/every-kind-objects.ts';
import type { Address } from './support/api/answer.ts';
import { asks } from './support/compare/asks.ts';
import { type Process, startProcess } from './support/api/bundle.ts';
import { changes, mayBeKept, nameOf, type Request } from './support/compare/changes.ts';
import { collections } from './support/compare/collections.ts';
import { type Answer, type Difference, difference, type Json } from './support/compare/difference.ts';
import { endpoints } from './support/compare/endpoints.ts';
import type { Flow } from './support/compare/flow.ts';
import { flows } from './support/compare/flows.ts';
import { compareMetrics } from './support/compare/metrics.ts';
import { compareOpenApi, type Read } from './support/compare/openapi.ts';
import { reads } from './support/compare/reads.ts';
import { richObjects } from './support/compare/rich-objects.ts';
import { trustObjects } from './support/compare/trust-objects.ts';
import { variants } from './support/compare/variants.ts';

const namespace = 'default';
const atOnce = 24;
/** Watches that are not told when to end are cut off: both servers' are. */
const patienceMs = 8_000;
const agent = new Agent({ keepAlive: true, maxSockets: atOnce });

function send(
  { port, ca, cert, key }: Address,
  { method, path, body, accept = 'application/json', contentType = 'application/json', headers: more }: Request,
): Promise<Answer> {
  return new Promise((resolve) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const headers = { accept, 'content-type': contentType, ...length, ...more };
    const sent = request({ agent, host: '127.0.0.1', port, ca, cert, key, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      // What is cut off counts as far as it came.
      response.on('close', () => {
        const warnings = [response.headers['warning'] ?? []].flat();
        resolve({ code: response.statusCode ?? 0, text, warnings, headers: response.headers });
      });
    });
    // A connection that breaks is an answer, too: the other server's will differ.
    sent.on('error', (error) => resolve({ code: 0, text: error.message, warnings: [] }));
    setTimeout(() => sent.destroy(new Error('no end in time')), patienceMs).unref();
    sent.end(body);
  });
}

/** Each object as it is, with a field that nobody knows, and with each of its fields spoilt; nothing is stored. */
function* creates(paths: ReadonlyMap<string, string>, only: string): Generator<Request> {
  for (const { name, path, object } of objects(paths, only)) {
    const post = (what: string, body: Json, query = ''): Request => ({
      what: `${name} ${what}`,
      method: 'POST',
      path: `${path}?dryRun=All${query}`,
      body: JSON.stringify(body),
    });
    yield post('as it is', object);
    yield post('with an unknown field', { ...object, nosuch: 1 }, '&fieldValidation=Strict');
    for (const { what, object: spoilt } of variants(object)) yield post(what, spoilt);
  }
}

interface Sample {
  name: string;
  /** Its collection. */
  path: string;
  object: { [key: string]: Json };
}

function* objects(paths: ReadonlyMap<string, string>, only: string): Generator<Sample> {
  for (const [name, object] of [...everyKind({ namespace: 'other', request: '' }), ...richObjects, ...trustObjects]) {
    const path = paths.get(`${String(object['apiVersion'])}/${String(object['kind'])}`);
    if (path !== undefined && name.includes(only)) yield { name, path, object: object as Sample['object'] };
  }
}

/** Stores what both servers take, and gives what to ask of it then. */
async function stored(
  servers: readonly Address[],
  paths: ReadonlyMap<string, string>,
  only: string,
): Promise<() => Generator<Request>> {
  const kept: Sample[] = [];
  for (const sample of objects(paths, only)) {
    const { name, path, object } = sample;
    if (!mayBeKept(object) || kept.some((one) => one.path === path && nameOf(one.object) === nameOf(object))) continue;
    const request = { what: name, method: 'POST', path, body: JSON.stringify(object) };
    const answers = await Promise.all(servers.map((server) => send(server, request)));
    if (answers.every(({ code }) => code === 201)) kept.push(sample);
  }
  return function* () {
    for (const { name, path, object } of kept) yield* changes(name, path, object);
  };
}

async function compareAll(
  real: Address,
  peapod: Address,
  requests: Iterator<Request>,
): Promise<[number, Difference[]]> {
  const found: Difference[] = [];
  let same = 0;
  const work = async (): Promise<void> => {
    for (let next = requests.next(); !next.done; next = requests.next()) {
      const { what } = next.value;
      const [theirs, ours] = await Promise.all([send(real, next.value), send(peapod, next.value)]);
      const differs = difference(what, theirs, ours);
      if (differs === undefined) same++;
      else found.push(differs);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return [same, found];
}

/** Each flow in its order; several at a time. */
async function compareFlows(real: Address, peapod: Address, only: string): Promise<[number, Difference[]]> {
  const found: Difference[] = [];
  let same = 0;
  const run = async ({ name, steps }: Flow): Promise<void> => {
    const [theirs, ours]: [Json[], Json[]] = [[], []];
    for (const step of steps) {
      const [of, asked] = [theirs, ours].map((answers) => (typeof step === 'function' ? step(answers) : step));
      if (of === undefined || asked === undefined) continue;
      const answers = await Promise.all([send(real, of), send(peapod, asked)]);
      const differs = difference(`${name}: ${of.what}`, ...answers);
      if (differs === undefined) same++;
      else found.push(differs);
      theirs.push(parsed(answers[0].text));
      ours.push(parsed(answers[1].text));
    }
  };
  await Promise.all(flows.filter(({ name }) => only === '' || only === 'flows' || name.includes(only)).map(run));
  return [same, found];
}

const none: [number, Difference[]] = [0, []];

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** What a pod needs before it can be made; controllers would make it. */
async function prepare(address: Address): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const body = JSON.stringify({ metadata: { name: 'default' } });
  // The namespace, too, is only just being made.
  for (let tries = 0; tries < 50; tries++) {
    const { code } = await send(address, { what: 'account', method: 'POST', path, body });
    if (code === 201 || code === 409) return;
    await wait(100);
  }
}

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const only = positionals[0] ?? '';
  const processes: Process[] = [await startProcess('peer-server'), await startProcess('peapod-server')];
  try {
    const [real, peapod] = processes.map(({ hello }) => hello as Address) as [Address, Address];
    await Promise.all([real, peapod].map(prepare));
    const requests = function* (): Generator<Request> {
      if (only === '') for (const path of reads) yield { what: `GET ${path}`, method: 'GET', path };
      if (only === '' || only === 'asks') yield* asks();
      if (only === '' || only === 'endpoints') yield* endpoints();
      yield* creates(paths, only);
    };
    const paths = await collections(
      async (path) => JSON.parse((await send(real, { what: path, method: 'GET', path })).text) as Json,
    );
    const [sameMade, differMade] = await compareAll(real, peapod, requests());
    const [sameChanged, differChanged] = await compareAll(real, peapod, (await stored([real, peapod], paths, only))());
    const [sameFlown, differFlown] = await compareFlows(real, peapod, only);
    const reader =
      (address: Address): Read =>
      async (path) =>
        parsed((await send(address, { what: path, method: 'GET', path })).text);
    const documented = only === '' || only === 'openapi' ? await compareOpenApi(reader(real), reader(peapod)) : none;
    const [sameDocumented, differDocumented] = documented;
    const counts = async (address: Address): Promise<string> =>
      (await send(address, { what: '', method: 'GET', path: '/metrics', accept: '*/*' })).text;
    const [sameCounted, differCounted] = only === '' ? compareMetrics(await counts(real), await counts(peapod)) : none;
    const same = sameMade + sameChanged + sameFlown + sameDocumented + sameCounted;
    const found = [...differMade, ...differChanged, ...differFlown, ...differDocumented, ...differCounted];
    for (const { what, real: theirs, peapod: ours, fields } of found)
      process.stdout.write([`## ${what}`, `real:   ${theirs}`, `peapod: ${ours}`, ...fields, ''].join('\n'));
    process.stdout.write(`${same} answers are the same, ${found.length} differ\n`);
  } finally {
    agent.destroy();
    await Promise.all(processes.map((process) => process.stop()));
  }
}

await main();
