// One pod's life as tests read it: its events, the rows that a watch would print, and the calls to the runtime, in their order.

import type { Pod } from '../../api/generated/types.ts';
import { podColumns } from '../../api/kinds/pod/printer.ts';
import type { RuntimeService } from '../../cri/runtime.ts';

/** READY, STATUS and RESTARTS (without how long ago). */
const shownColumns = ['Ready', 'Status', 'Restarts'];

function rowOf(pod: Pod): string {
  const cells = podColumns.filter(({ name }) => shownColumns.includes(name)).map(({ cell }) => String(cell(pod, 0)));
  const [ready = '', status = '', restarts = ''] = cells;
  return `${pod.status?.phase ?? ''} ${ready} ${status} ${restarts.replace(/ .*$/, '')}`;
}

export class PodTrace {
  readonly #now: () => number;
  readonly #began: number;
  readonly #entries: { at: number; text: string }[] = [];
  readonly #conditions: readonly string[];
  #row = '';

  /** `now` gives ms. With each row, these conditions are shown too. */
  constructor(now: () => number, conditions: readonly string[] = []) {
    this.#conditions = conditions;
    this.#now = now;
    this.#began = now();
  }

  #note(text: string): void {
    this.#entries.push({ at: this.#now() - this.#began, text });
  }

  /** Each line without its time. */
  lines(): string[] {
    return this.#entries.map(({ text }) => text);
  }

  /** Each line after the seconds since the beginning. */
  timed(): string[] {
    return this.#entries.map(({ at, text }) => `${(at / 1000).toFixed(1).padStart(6)} ${text}`);
  }

  /** As the kubelet records events. */
  readonly event = (_pod: Pod, type: string, reason: string, message: string, path?: string): void => {
    this.#note(`event ${type} ${reason} ${path ? `${path}: ` : ''}${message}`);
  };

  /** The pod as the API has it now, or undefined once it is gone. Rows that look like the one before are left out. */
  readonly seen = (pod: Pod | undefined): void => {
    const row = pod === undefined ? 'gone' : [rowOf(pod), ...this.#conditionsOf(pod)].join(' ');
    if (row === this.#row) return;
    this.#row = row;
    this.#note(`status ${row}`);
  };

  #conditionsOf({ status }: Pod): string[] {
    return this.#conditions.map((wanted) => {
      const found = status?.conditions?.find(({ type }) => type === wanted);
      return `${wanted}=${found?.status ?? '-'}${found?.reason ? `(${found.reason})` : ''}`;
    });
  }

  /** A call to the runtime. */
  call(text: string): void {
    this.#note(`cri ${text}`);
  }
}

/** The runtime, with its calls that change something noted in the trace of the moment. */
export function tracedRuntime(runtime: RuntimeService, trace: () => PodTrace | undefined): RuntimeService {
  const names = new Map<string, string>();
  const nameOf = (id: string): string => names.get(id) ?? id;
  const changes: Partial<RuntimeService> = {
    runPodSandbox: (...args) => {
      trace()?.call('RunPodSandbox');
      return runtime.runPodSandbox(...args);
    },
    createContainer: async (sandbox, config, ...args) => {
      trace()?.call(`CreateContainer ${config.metadata.name}`);
      const id = await runtime.createContainer(sandbox, config, ...args);
      names.set(id, config.metadata.name);
      return id;
    },
    startContainer: (id, ...args) => {
      trace()?.call(`StartContainer ${nameOf(id)}`);
      return runtime.startContainer(id, ...args);
    },
    stopContainer: (id, seconds, ...args) => {
      trace()?.call(`StopContainer ${nameOf(id)} ${seconds}s`);
      return runtime.stopContainer(id, seconds, ...args);
    },
    removeContainer: (id, ...args) => {
      trace()?.call(`RemoveContainer ${nameOf(id)}`);
      return runtime.removeContainer(id, ...args);
    },
    stopPodSandbox: (...args) => {
      trace()?.call('StopPodSandbox');
      return runtime.stopPodSandbox(...args);
    },
    removePodSandbox: (...args) => {
      trace()?.call('RemovePodSandbox');
      return runtime.removePodSandbox(...args);
    },
  };
  return new Proxy(runtime, {
    get(target, property) {
      const own: unknown = Reflect.get(changes, property) ?? Reflect.get(target, property, target);
      return typeof own === 'function' ? (own.bind(target) as unknown) : own;
    },
  });
}
