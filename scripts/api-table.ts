// The page docs/api.md: every resource and admission plugin that is served, and how that differs from Kubernetes v1.36.
// `node scripts/api-table.ts --write` makes it anew from a running server, without --write it fails where the page is out of date
// or a difference has no reason.
import { readFileSync, writeFileSync } from 'node:fs';
import { allKinds } from '../src/api/kinds/all.ts';
import type { Transport } from '../src/api/transport.ts';
import { pluginOrder } from '../src/apiserver/admission/plugin-names.ts';
import { enabledPlugins } from '../src/apiserver/admission/plugins.ts';
import { servedKinds } from '../src/apiserver/runtime-config.ts';
import { startTestServer } from '../src/apiserver/test-server.ts';
import { createSeededRandom } from '../src/sim/seeded-random.ts';
import { createVirtualClock } from '../src/sim/virtual-clock.ts';

/** A resource as discovery tells of it, its subresources with their verbs below it. */
interface Resource {
  kind: string;
  namespaced: boolean;
  verbs: readonly string[];
  shortNames?: readonly string[];
  categories?: readonly string[];
  subresources?: Readonly<Record<string, readonly string[]>>;
}

/** By group and version, then by plural name. */
type Resources = Readonly<Record<string, Readonly<Record<string, Resource>>>>;

/** What differs, under the name by which a reason is looked up. */
export interface Difference {
  at: string;
  text: string;
  reason: string;
}

const page = 'docs/api.md';
const readJson = (name: string): unknown => JSON.parse(readFileSync(`scripts/${name}.json`, 'utf8'));
const upstream = readJson('upstream-resources') as Resources;
const reasons = readJson('api-differences') as {
  answers: Record<string, string>;
  /** `group/version/resource`, `.../subresource`, or one of them with `shortNames`, `categories`, `verbs`, … after a `#`. */
  resources: Record<string, string>;
  /** Why plugins are not built. Reasons for what is no difference any more are not shown. */
  plugins: Record<string, string>;
  /** What there is to say of plugins that are built. */
  notes: Record<string, string>;
};

/** Everything that a server with these kinds tells of itself. */
async function readServed(transport: Transport): Promise<Resources> {
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await transport.request({ method: 'GET', path })) as Record<string, unknown>;
  const { groups } = (await get('/apis')) as { groups: { versions: { groupVersion: string }[] }[] };
  const versions = groups.flatMap((group) => group.versions.map(({ groupVersion }) => groupVersion));
  const served: Record<string, Record<string, Resource>> = {};
  for (const version of ['v1', ...versions.toSorted()]) {
    const path = version === 'v1' ? '/api/v1' : `/apis/${version}`;
    const { resources } = (await get(path)) as { resources: (Resource & { name: string })[] };
    const found: Record<string, Resource & { subresources: Record<string, readonly string[]> }> = {};
    for (const { name, ...resource } of resources.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const [parent = '', subresource] = name.split('/');
      if (subresource === undefined) found[name] = { ...resource, subresources: {} };
      else if (found[parent]) found[parent].subresources[subresource] = resource.verbs;
    }
    served[version] = found;
  }
  return served;
}

/** What a server of Peapod serves where nothing is turned on or off. */
export async function servedResources(): Promise<Resources> {
  const { server, admin } = await startTestServer(createVirtualClock(), createSeededRandom(1), {
    kinds: servedKinds(allKinds, ''),
  });
  try {
    return await readServed(admin);
  } finally {
    await server.close();
  }
}

const sorted = (list: readonly string[] | undefined): string => (list ?? []).toSorted().join(', ');

function resourceDifferences(at: string, own: Resource | undefined, theirs: Resource | undefined): string[][] {
  if (own === undefined) return [[at, 'not served']];
  if (theirs === undefined) return [[at, 'Kubernetes does not serve it']];
  const differs: string[][] = [];
  const compare = (what: string, a: string, b: string): void => {
    if (a !== b) differs.push([`${at}#${what}`, `${what}: ${a || 'none'}; Kubernetes has ${b || 'none'}`]);
  };
  compare('kind', own.kind, theirs.kind);
  compare('scope', String(own.namespaced), String(theirs.namespaced));
  compare('shortNames', sorted(own.shortNames), sorted(theirs.shortNames));
  compare('categories', sorted(own.categories), sorted(theirs.categories));
  compare('verbs', sorted(own.verbs), sorted(theirs.verbs));
  const [mine, wanted] = [own.subresources ?? {}, theirs.subresources ?? {}];
  for (const name of new Set([...Object.keys(mine), ...Object.keys(wanted)])) {
    const sub = `${at}/${name}`;
    if (mine[name] === undefined) differs.push([sub, 'not served']);
    else if (wanted[name] === undefined) differs.push([sub, 'Kubernetes does not serve it']);
    else if (sorted(mine[name]) !== sorted(wanted[name]))
      differs.push([`${sub}#verbs`, `verbs: ${sorted(mine[name])}; Kubernetes has ${sorted(wanted[name])}`]);
  }
  return differs;
}

/** Every difference from upstream's list, with its reason where there is one. */
export function differences(served: Resources): Difference[] {
  const versions = [...new Set([...Object.keys(upstream), ...Object.keys(served)])].toSorted();
  return versions.flatMap((version) => {
    const [own, theirs] = [served[version] ?? {}, upstream[version] ?? {}];
    const names = [...new Set([...Object.keys(own), ...Object.keys(theirs)])].toSorted();
    return names.flatMap((name) =>
      resourceDifferences(`${version}/${name}`, own[name], theirs[name]).map(([at = '', text = '']) => ({
        at,
        text,
        reason: reasons.resources[at] ?? '',
      })),
    );
  });
}

interface Plugin {
  name: string;
  state: 'on' | 'off' | 'not built';
  note: string;
}

/** Every plugin that upstream knows, in the order they run. */
export function plugins(): Plugin[] {
  const byDefault = enabledPlugins([], []);
  return pluginOrder.map((name) => {
    const note = reasons.notes[name] ?? '';
    if (byDefault.has(name)) return { name, state: 'on', note };
    try {
      enabledPlugins([name], []);
      return { name, state: 'off', note };
    } catch {
      return { name, state: 'not built', note: reasons.plugins[name] ?? '' };
    }
  });
}

const all = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'].join(', ');
const verbsText = (verbs: readonly string[]): string => (sorted(verbs) === all ? 'all' : sorted(verbs));

function resourceLines(served: Resources): string[] {
  return Object.entries(served).flatMap(([version, resources]) =>
    Object.entries(resources).map(([name, one]) => {
      const subresources = Object.entries(one.subresources ?? {})
        .map(([sub, verbs]) => `${sub} (${sorted(verbs)})`)
        .join('; ');
      const scope = one.namespaced ? 'namespace' : 'cluster';
      return `| ${version} | ${name} | ${one.kind} | ${sorted(one.shortNames)} | ${scope} | ${verbsText(one.verbs)} | ${subresources} |`;
    }),
  );
}

/** The kinds that are served only when --runtime-config asks for them. */
function onRequest(served: Resources): string[] {
  return allKinds
    .filter(
      ({ group, version, resource }) =>
        served[group === '' ? version : `${group}/${version}`]?.[resource] === undefined,
    )
    .filter(({ verbs }) => verbs.includes('get'))
    .map(
      ({ group, version, resource, gate }) =>
        `\`${group}/${version}/${resource}\`${gate === undefined ? '' : `, with the feature gate ${gate}`}`,
    )
    .toSorted();
}

/** The whole page. */
export function apiPage(served: Resources): string {
  const asked = onRequest(served);
  return [
    '# The API',
    'What the API server serves, as `kubectl api-resources` shows it, and every difference from Kubernetes v1.36. Made by',
    '`node scripts/api-table.ts --write` from a running server; `npm run check` fails where it is out of date or a difference has no reason.',
    'What is kept and checked but not acted on yet says so itself: the API warns `accepted but not acted on` when it is created.',
    '',
    '## Resources',
    '`all` verbs are create, delete, deletecollection, get, list, patch, update and watch.',
    '',
    '| group and version | resource | kind | short | of the | verbs | subresources (verbs) |',
    '|---|---|---|---|---|---|---|',
    ...resourceLines(served),
    '',
    ...(asked.length === 0 ? [] : ['Served with `--runtime-config` only:', '', ...asked.map((one) => `- ${one}`), '']),
    '## Differences from Kubernetes',
    '| where | what | why |',
    '|---|---|---|',
    ...differences(served).map(({ at, text, reason }) => `| ${at.replace(/#.*/, '')} | ${text} | ${reason} |`),
    '',
    '## Answers',
    'What is asked of both is answered as by kube-apiserver v1.36.0, word for word (`npm run compare` holds them side by side), but for:',
    '',
    '| request | here |',
    '|---|---|',
    ...Object.entries(reasons.answers).map(([request, answer]) => `| ${request} | ${answer} |`),
    '',
    '## Priority and fairness',
    'Flow schemas and priority levels are kept, checked, made at start and mended as Kubernetes does it, and each schema says in its status',
    'whether its level exists (`Dangling`). No request is queued or refused by them yet.',
    '',
    '## Admission plugins',
    'In the order they run. `--enable-admission-plugins` and `--disable-admission-plugins` turn them on and off.',
    '',
    '| plugin | by default | |',
    '|---|---|---|',
    ...plugins().map(({ name, state, note }) => `| ${name} | ${state} | ${note} |`),
    '',
  ].join('\n');
}

/** The differences that no reason is given for. */
export function unexplained(served: Resources): string[] {
  const missing = plugins().filter(({ state, note }) => state === 'not built' && note === '');
  return [
    ...differences(served).flatMap(({ at, text, reason }) => (reason === '' ? [`${at}: ${text}`] : [])),
    ...missing.map(({ name }) => `the plugin ${name}: not built`),
  ];
}

if (process.argv[1] === import.meta.filename) {
  const served = await servedResources();
  const fresh = apiPage(served);
  const problems = unexplained(served).map((one) => `${one}: scripts/api-differences.json has no reason`);
  if (process.argv.includes('--write')) writeFileSync(page, fresh);
  else if (fresh !== readFileSync(page, 'utf8'))
    problems.push(`${page} is out of date: run node scripts/api-table.ts --write`);
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
