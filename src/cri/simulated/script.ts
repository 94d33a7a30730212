// What pod annotations tell the simulated runtime to do: sim.peapod.dev/<setting>, or sim.peapod.dev/<container>.<setting>.

import { bytes, cpuMillis } from '../../api/meta/quantity.ts';

type Annotations = Readonly<Record<string, string>>;

export const annotationPrefix = 'sim.peapod.dev/';

/** How one container behaves. Times are in ms. docs/simulated-runtime.md describes each setting. */
export interface ContainerScript {
  /** How long its start takes. */
  startDelay: number;
  /** How long it runs by itself; undefined runs until it is stopped. */
  runTime: number | undefined;
  exitCode: number;
  /** The reason that the runtime reports; Completed or Error by the exit code when absent. */
  exitReason: string | undefined;
  /** Left as termination message. */
  message: string;
  stdout: string;
  stderr: string;
  /** The logs are written again and again at this interval; undefined writes them once. */
  logInterval: number | undefined;
  /** From TERM to its exit; Infinity ignores TERM. */
  stopTime: number;
  /** With which it answers TERM. */
  stopExitCode: number;
  /** Exit code of commands run in it (exec probes), once it is ready. */
  execExitCode: number;
  /** Commands fail and requests are refused for that long after the start. */
  readyAfter: number;
  /** They fail again from then on; Infinity stays well. */
  failAfter: number;
  /** How long an answer takes, to commands and requests. */
  answerDelay: number;
  /** With which HTTP requests are answered while it is well. */
  httpStatus: number;
  /** Where a redirect leads. */
  httpLocation: string | undefined;
  /** Fails this step instead. */
  failure: 'create' | 'start' | undefined;
  failureMessage: string;
  millicores: number;
  memoryBytes: number;
}

export interface SandboxScript {
  delay: number;
  fails: boolean;
  failureMessage: string;
}

export interface PullScript {
  delay: number;
  /** Undefined when the pull works. */
  failureMessage: string | undefined;
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** "1m30s", "250ms", or a bare number of seconds, in ms; undefined when it is neither. */
export function parseDuration(text: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (units[unit ?? ''] ?? 0);
  }
  return total;
}

/** Reads settings; a value that makes no sense throws, so that a slip shows as a failing container. */
class Settings {
  readonly #annotations: Annotations;
  readonly #container: string;
  /** Restarts so far: lists of values are taken by it. */
  readonly #attempt: number;

  constructor(annotations: Annotations, container = '', attempt = 0) {
    this.#annotations = annotations;
    this.#container = container;
    this.#attempt = attempt;
  }

  text(name: string): string | undefined {
    const own = this.#container && this.#annotations[`${annotationPrefix}${this.#container}.${name}`];
    return own || this.#annotations[annotationPrefix + name];
  }

  /** One value, or one per attempt separated by commas, of which the last one stays. */
  #ofAttempt(name: string): string | undefined {
    const values = this.text(name)?.split(',');
    return values?.[Math.min(this.#attempt, values.length - 1)]?.trim();
  }

  duration(name: string): number | undefined {
    const text = this.#ofAttempt(name);
    if (text === undefined) return undefined;
    const ms = parseDuration(text);
    if (ms === undefined) throw new Error(`${annotationPrefix}${name}: ${JSON.stringify(text)} is not a duration`);
    return ms;
  }

  integer(name: string): number | undefined {
    const text = this.#ofAttempt(name);
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text))
      throw new Error(`${annotationPrefix}${name}: ${JSON.stringify(text)} is not a whole number`);
    return Number(text);
  }

  flag(name: string): boolean {
    const text = this.#ofAttempt(name);
    if (text !== undefined && text !== 'true' && text !== 'false') {
      throw new Error(`${annotationPrefix}${name}: ${JSON.stringify(text)} is neither true nor false`);
    }
    return text === 'true';
  }

  /** The failure asked for, in this attempt. */
  failure(): string | undefined {
    const text = this.#ofAttempt('failure');
    if (text !== undefined && !['none', 'sandbox', 'pull', 'create', 'start'].includes(text)) {
      throw new Error(
        `${annotationPrefix}failure: ${JSON.stringify(text)} is none of none, sandbox, pull, create, start`,
      );
    }
    return text === 'none' ? undefined : text;
  }
}

/** The script of a container in its attempt (0 is the first start). Throws on a value that makes no sense. */
export function containerScript(annotations: Annotations, container: string, attempt: number): ContainerScript {
  const settings = new Settings(annotations, container, attempt);
  const exitReason = settings.text('exit-reason');
  const exitCode = settings.integer('exit-code');
  const failure = settings.failure();
  return {
    startDelay: settings.duration('start-delay') ?? 0,
    // One that is told how to exit exits at once unless it is told when.
    runTime: settings.duration('run-time') ?? (exitCode === undefined && exitReason === undefined ? undefined : 0),
    exitCode: exitCode ?? (exitReason === 'OOMKilled' ? 137 : 0),
    exitReason,
    message: settings.text('message') ?? '',
    stdout: settings.text('logs') ?? '',
    stderr: settings.text('error-logs') ?? '',
    logInterval: settings.duration('log-interval'),
    stopTime: settings.flag('ignore-term') ? Number.POSITIVE_INFINITY : (settings.duration('stop-time') ?? 0),
    stopExitCode: settings.integer('stop-exit-code') ?? 143,
    execExitCode: settings.integer('exec-exit-code') ?? 0,
    readyAfter: settings.duration('ready-after') ?? 0,
    failAfter: settings.duration('fail-after') ?? Number.POSITIVE_INFINITY,
    answerDelay: settings.duration('answer-delay') ?? 0,
    httpStatus: settings.integer('http-status') ?? 200,
    httpLocation: settings.text('http-location'),
    failure: failure === 'create' || failure === 'start' ? failure : undefined,
    failureMessage: settings.text('failure-message') ?? `simulated failure to ${failure ?? 'run'} container`,
    millicores: cpuMillis(settings.text('cpu') ?? '0'),
    memoryBytes: bytes(settings.text('memory') ?? '8Mi'),
  };
}

/** The script of a sandbox in its attempt. */
export function sandboxScript(annotations: Annotations, attempt: number): SandboxScript {
  const settings = new Settings(annotations, '', attempt);
  return {
    delay: settings.duration('sandbox-delay') ?? 0,
    fails: settings.failure() === 'sandbox',
    failureMessage: settings.text('failure-message') ?? 'simulated failure to create pod sandbox',
  };
}

/** The script of pulling an image for a pod; `attempt` counts the pulls of that image for it. */
export function pullScript(annotations: Annotations, image: string, attempt: number): PullScript {
  const settings = new Settings(annotations, '', attempt);
  const only = settings.text('failure-image');
  const fails = settings.failure() === 'pull' && (only === undefined || only === image);
  return {
    delay: settings.duration('pull-delay') ?? 0,
    failureMessage: fails ? (settings.text('failure-message') ?? '') : undefined,
  };
}
