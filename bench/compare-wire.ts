// Holds what Peapod puts on the wire against a real kube-apiserver: protobuf, compression, watches, and long flows.
// PEER_KUBE_APISERVER=... PEER_ETCD=... node bench/compare-wire.ts [part]
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Address } from './support/api/answer.ts';
import { type Process, startProcess } from './support/api/bundle.ts';
import { collections } from './support/compare/collections.ts';
import { agent, type Comparison, comparison, exchange, parsed } from './support/compare/wire/exchange.ts';
import { compareCompression } from './support/compare/wire/compression.ts';
import { compareFlows } from './support/compare/wire/flows.ts';
import { compareProtobuf } from './support/compare/wire/protobuf.ts';
import { compareWatches } from './support/compare/wire/watches.ts';

const namespace = 'default';

type Part = (comparison: Comparison, paths: ReadonlyMap<string, string>) => Promise<void>;
const parts: Readonly<Record<string, Part>> = {
  protobuf: compareProtobuf,
  compression: compareCompression,
  watches: compareWatches,
  flows: compareFlows,
};

/** What a pod needs before it can be made; controllers would make it. */
async function prepare(address: Address): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
  const body = JSON.stringify({ metadata: { name: 'default' } });
  const headers = { 'content-type': 'application/json' };
  // The namespace, too, is only just being made.
  for (let tries = 0; tries < 50; tries++) {
    const { code } = await exchange(address, { what: 'account', method: 'POST', path, body, headers });
    if (code === 201 || code === 409) return;
    await wait(100);
  }
}

async function main(): Promise<void> {
  const { positionals } = parseArgs({ allowPositionals: true });
  const processes: Process[] = [await startProcess('peer-server'), await startProcess('peapod-server')];
  try {
    const [real, peapod] = processes.map(({ hello }) => hello as Address) as [Address, Address];
    await Promise.all([real, peapod].map(prepare));
    const compact = async (): Promise<void> => {
      await Promise.all(processes.map((process) => process.ask('compact')));
    };
    const compared = comparison(real, peapod, compact);
    const paths = await collections(async (path) =>
      parsed((await exchange(real, { what: path, method: 'GET', path })).body),
    );
    for (const [name, part] of Object.entries(parts))
      if (positionals.length === 0 || positionals.includes(name)) await part(compared, paths);
    for (const { what, real: theirs, peapod: ours, fields } of compared.found)
      process.stdout.write([`## ${what}`, `real:   ${theirs}`, `peapod: ${ours}`, ...fields, ''].join('\n'));
    process.stdout.write(`${compared.same} answers are the same, ${compared.found.length} differ\n`);
  } finally {
    agent.destroy();
    await Promise.all(processes.map((process) => process.stop()));
  }
}

await main();
