// The commands that work on a file of objects, with one of each kind that can be made.
import { dump } from 'js-yaml';
import { expect } from 'vitest';
import { base64, certificateRequest } from './certificate-request.ts';
import { everyKind } from './every-kind-objects.ts';
import type { KubectlRunner } from './kubectl-runner.ts';

/** From which minor version on kubectl describes a kind by a version of the API that v1.36 still serves. */
const describedSince: readonly [RegExp, number][] = [
  [/^(ipaddress|servicecidr)\./, 33],
  [/^volumeattributesclass\./, 34],
];

/** Rows of `get -o wide`, each with the head of its table: what upstream's columns are. */
const wideRows = (namespace: string): RegExp[] => [
  /NAME\s+TYPE\s+DATA\s+AGE\nsecret\/all\s+Opaque\s+1/,
  /NAME\s+CONTAINERS\s+IMAGES\s+POD LABELS\npodtemplate\/all\s+c\s+busybox:1\.28\s+a=b/,
  /NAME\s+CONTROLLER\s+REVISION\s+AGE\ncontrollerrevision\.apps\/all\s+<none>\s+1\s/,
  /NAME\s+CLASS\s+HOSTS\s+ADDRESS\s+PORTS\s+AGE\ningress\.\S+\s+\S+-ns\s+a\.example\.com\s+80\s/,
  /NAME\s+PARENTREF\nipaddress\.\S+\s+things\.example\.com\/all\n/,
  new RegExp(
    `NAME\\s+PROVISIONER\\s+RECLAIMPOLICY\\s+VOLUMEBINDINGMODE\\s+ALLOWVOLUMEEXPANSION\\s+AGE\\nstorageclass\\.storage\\.k8s\\.io/${namespace}\\s+example\\.com/disk\\s+Delete\\s+Immediate\\s+false\\s`,
  ),
  /NAME\s+PRIORITYLEVEL\s+MATCHINGPRECEDENCE\s+DISTINGUISHERMETHOD\s+AGE\s+MISSINGPL\nflowschema\.\S+\s+exempt\s+1000\s+<none>\s+\S+\s+(False|\?)/,
  /NAME\s+NODE\s+DRIVER\s+POOL\s+AGE\nresourceslice\.\S+\s+n\s+example\.com\s+p\s/,
];

/** Creates, gets, describes and deletes a file with one object of each kind. */
export async function kubectlOnKinds(kubectl: KubectlRunner, namespace: string, minor: number): Promise<void> {
  const all = everyKind({ namespace, request: base64((await certificateRequest('CN=nobody')).pem) });
  const names = all.map(([name]) => name);
  // A kind that is served and not in the list would go untested.
  const served = await kubectl(['api-resources', '--verbs=create,delete', '--no-headers']);
  const kinds = new Set(all.map(([, { kind }]) => kind));
  expect(
    new Set(
      served
        .trimEnd()
        .split('\n')
        .map((row) => row.split(/\s+/).at(-1)),
    ),
  ).toEqual(kinds);
  const documents = all.map(([, object]) => dump(object));
  const yaml = documents.join('---\n');
  const at = ['-n', namespace, '-f', '-'];
  expect(await kubectl(['create', ...at], yaml)).toBe(names.map((name) => `${name} created\n`).join(''));
  const again = await kubectl.attempt(['create', ...at], yaml);
  expect(again.stderr.match(/\(AlreadyExists\)/g)).toHaveLength(names.length);
  expect(await kubectl(['get', ...at, '-o', 'name'], yaml)).toBe(names.map((name) => `${name}\n`).join(''));
  const wide = await kubectl(['get', ...at, '-o', 'wide'], yaml);
  for (const row of wideRows(namespace)) expect(wide).toMatch(row);
  expect(await kubectl(['explain', 'resourceslice.spec.devices.attributes'])).toMatch(/version/);
  const describable = all.filter(([name]) => !describedSince.some(([kind, since]) => kind.test(name) && minor < since));
  const described = await kubectl(['describe', ...at], describable.map(([, object]) => dump(object)).join('---\n'));
  for (const [name] of describable) expect(described).toMatch(new RegExp(`^Name:\\s+${name.split('/')[1]}$`, 'm'));
  // The namespace last: it takes what is in it along.
  // A range of service addresses stays for ten seconds at least.
  const gone = await kubectl(['delete', ...at, '--timeout=60s'], documents.reverse().join('---\n'));
  expect(gone.match(/ deleted/g)).toHaveLength(names.length);
  expect((await kubectl.attempt(['get', ...at], yaml)).stderr.match(/\(NotFound\)/g)).toHaveLength(names.length);
}
