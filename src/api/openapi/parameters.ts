// The parameters that operations take, by query and by path. Their names and types follow apimachinery and core/v1 of v1.36.

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  type: 'string' | 'integer' | 'boolean';
  description: string;
}

const query = (name: string, type: Parameter['type'], description: string): Parameter => ({
  name,
  in: 'query',
  type,
  description,
});

const inPath = (name: string, description: string): Parameter => ({ name, in: 'path', type: 'string', description });

/** Those of a path, in the order in which they are told. */
const pathParameters: readonly Parameter[] = [
  inPath('name', 'name of the object'),
  inPath('namespace', 'namespace of the object'),
  inPath('path', 'path of the request that is passed on'),
];

/** The parameters that stand in that path. */
export const parametersIn = (path: string): Parameter[] =>
  pathParameters.filter(({ name }) => path.includes(`{${name}}`));

export const pretty = query('pretty', 'string', 'If "true", the answer is indented.');

const dryRun = query('dryRun', 'string', 'With "All" every step of the write is done except for storing it.');
const fieldManager = query(
  'fieldManager',
  'string',
  'Who makes this change, for managedFields; the user agent by default.',
);
const fieldValidation = query(
  'fieldValidation',
  'string',
  'What to do with unknown and duplicate fields: Ignore drops them, Warn drops them with a warning (the default), Strict refuses the request.',
);
const force = query('force', 'boolean', 'Only for apply: take over fields that others own.');

export const writeParameters: readonly Parameter[] = [dryRun, fieldManager, fieldValidation];
export const patchParameters: readonly Parameter[] = [...writeParameters, force];

export const resourceVersion = query('resourceVersion', 'string', 'The version to read at or after.');

export const listParameters: readonly Parameter[] = [
  query('allowWatchBookmarks', 'boolean', 'The watch may send bookmarks.'),
  query('continue', 'string', 'The token of the last page, to get the next.'),
  query('fieldSelector', 'string', 'Only objects whose fields match.'),
  query('labelSelector', 'string', 'Only objects whose labels match.'),
  query('limit', 'integer', 'At most so many objects a page.'),
  resourceVersion,
  query('resourceVersionMatch', 'string', 'How resourceVersion is meant for a list: Exact or NotOlderThan.'),
  query(
    'sendInitialEvents',
    'boolean',
    'The watch begins with the objects that there are, and a bookmark behind them.',
  ),
  query('shardSelector', 'string', 'Only with the feature gate ShardedListAndWatch: a part of the objects, by hash.'),
  query('timeoutSeconds', 'integer', 'The call ends after so many seconds.'),
  query('watch', 'boolean', 'Stream changes instead of a list.'),
];

/** What only watches know. */
const onlyWatch: ReadonlySet<string> = new Set(['watch', 'allowWatchBookmarks']);

export const deleteParameters: readonly Parameter[] = [
  dryRun,
  query('gracePeriodSeconds', 'integer', 'Seconds that the object gets to end by itself; 0 deletes at once.'),
  query(
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'boolean',
    'Delete an object that cannot be read from the store.',
  ),
  query('orphanDependents', 'boolean', 'Old form of propagationPolicy: true leaves dependents behind.'),
  query('propagationPolicy', 'string', 'What happens to dependents: Orphan, Background or Foreground.'),
];

export const deleteCollectionParameters: readonly Parameter[] = [
  ...listParameters.filter(({ name }) => !onlyWatch.has(name)),
  ...deleteParameters,
];

const container = query('container', 'string', 'The container; the only one by default.');
const streams = [
  container,
  query('stderr', 'boolean', 'Whether its errors are passed on.'),
  query('stdin', 'boolean', 'Whether it gets input.'),
  query('stdout', 'boolean', 'Whether its output is passed on.'),
  query('tty', 'boolean', 'Whether it has a terminal.'),
];
const path = query('path', 'string', 'The path of the request that is passed on.');

/** Of the options that a connection takes by query, by their kind. */
export const connectParameters: Readonly<Record<string, readonly Parameter[]>> = {
  PodExecOptions: [query('command', 'string', 'What is run, a word each.'), ...streams],
  PodAttachOptions: streams,
  PodPortForwardOptions: [query('ports', 'integer', 'The ports that are forwarded, for WebSockets.')],
  PodProxyOptions: [path],
  NodeProxyOptions: [path],
  ServiceProxyOptions: [path],
};

export const logParameters: readonly Parameter[] = [
  container,
  query('follow', 'boolean', 'Go on with what is written from now on.'),
  query('insecureSkipTLSVerifyBackend', 'boolean', "Do not check the kubelet's certificate."),
  query('limitBytes', 'integer', 'At most so many bytes.'),
  query('previous', 'boolean', 'Of the container that ran before this one.'),
  query('sinceSeconds', 'integer', 'Only what was written in the last so many seconds.'),
  query('stream', 'string', 'All, Stdout or Stderr.'),
  query('tailLines', 'integer', 'Only so many lines from the end.'),
  query('timestamps', 'boolean', 'Each line begins with its time.'),
];
