// Every field of a pod's spec acts, is refused, or is warned about: a field that upstream adds cannot be silently ignored.
import { existsSync, readFileSync } from 'node:fs';
import { expect, it, test } from 'vitest';
import type { Container, Pod, PodSpec } from '../../generated/types.ts';
import { loadSchema } from '../../schema/load.ts';
import type { FieldSchema } from '../../schema/schema.ts';
import { notActedOn, notActedOnWarnings } from './not-acted-on.ts';

/** Type → field → the file below src/ that acts on it, `refused by` the file that does, or `copied by` the one that makes another object of it. */
type ActedOn = Readonly<Record<string, Readonly<Record<string, string>>>>;
const actedOn = JSON.parse(readFileSync(new URL('testdata/acted-on.json', import.meta.url), 'utf8')) as ActedOn;

const { definitions } = loadSchema();
const podSpec = 'io.k8s.api.core.v1.PodSpec';
const shortName = (definition: string): string => definition.split('.').at(-1) ?? '';

function elementOf(field: FieldSchema): FieldSchema {
  return field.items ? elementOf(field.items) : field;
}

interface Walked {
  /** Paths that nobody answers for. */
  ignored: string[];
  /** `Type.field` of every place that the table was asked for. */
  asked: Set<string>;
  /** Every path, with and without the mark of a list's entries. */
  paths: Set<string>;
}

/** Visits the fields of a type below a path, down to where a warning or a refusal covers all that is in them. */
function walk(definition: string, path: string, walked: Walked): Walked {
  for (const [name, field] of Object.entries(definitions[definition]?.fields ?? {})) {
    const at = `${path}.${name}`;
    const below = field.type === 'array' ? `${at}[*]` : at;
    walked.paths.add(at).add(below);
    if (notActedOn.includes(at)) continue;
    const key = `${shortName(definition)}.${name}`;
    walked.asked.add(key);
    const where = actedOn[shortName(definition)]?.[name];
    if (where === undefined) walked.ignored.push(at);
    const { ref } = elementOf(field);
    if (ref !== undefined && !/^(refused|copied) by /.test(where ?? '')) walk(ref, below, walked);
  }
  return walked;
}

const walked = walk(podSpec, 'spec', { ignored: [], asked: new Set(), paths: new Set() });

test('no field of a pod spec is silently ignored', () => {
  expect(walked.ignored).toEqual([]);
});

test('what is warned about are fields that there are', () => {
  expect(notActedOn.filter((path) => !walked.paths.has(path))).toEqual([]);
});

test('the table names only fields that are not warned about, and files that speak of them', () => {
  const rows = Object.entries(actedOn).flatMap(([type, fields]) =>
    Object.entries(fields).map(([field, where]) => ({ type, field, file: where.replace(/^(refused|copied) by /, '') })),
  );
  const wrong = rows.filter(({ type, field, file }) => {
    const path = new URL(`../../../${file}`, import.meta.url);
    const speaks = existsSync(path) && new RegExp(`\\b${field}\\b`).test(readFileSync(path, 'utf8'));
    return !speaks || !walked.asked.has(`${type}.${field}`);
  });
  expect(wrong).toEqual([]);
});

/** A value of the field's type that counts as used. */
function sample(field: FieldSchema): unknown {
  switch (field.type) {
    case 'array':
      return [sample(field.items ?? { type: 'any' })];
    case 'map':
      return { key: sample(field.items ?? { type: 'any' }) };
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return 1;
    case 'ref':
      return {};
    default:
      return field.enum?.at(-1) ?? 'x';
  }
}

/** A pod in which only that path is set. */
function podWith(pattern: string): Pod {
  const pod: Record<string, unknown> = {};
  let holder = pod;
  let definition = podSpec;
  const steps = pattern.split('.').slice(1);
  holder['spec'] = {};
  holder = holder['spec'] as Record<string, unknown>;
  for (const [i, step] of steps.entries()) {
    const [, name = '', key] = /^([^[]+)(?:\[(.+)\])?$/.exec(step) ?? [];
    const field = definitions[definition]?.fields[name];
    if (!field) throw new Error(`no field ${name} in ${definition}`);
    const last = i === steps.length - 1;
    const next: Record<string, unknown> = {};
    if (last) holder[name] = key === undefined ? sample(field) : { [key]: '1' };
    else holder[name] = field.type === 'array' ? [next] : next;
    holder = next;
    definition = elementOf(field).ref ?? '';
  }
  return pod as Pod;
}

it.each(notActedOn)('%s is warned about where it is set, and only then', (pattern) => {
  const path = pattern.replaceAll('[*]', '[0]');
  expect(notActedOnWarnings(podWith(pattern))).toEqual([`${path}: accepted but not acted on`]);
});

const container = (fields: object): { containers: Container[] } => ({ containers: [{ name: 'c', ...fields }] });
const rule = (action: string): object => ({
  restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [1] } }],
});

it.each<[Partial<PodSpec>, string[]]>([
  [{}, []],
  [container(rule('Restart')), []],
  [container(rule('RestartAllContainers')), []],
  [{ volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }] }, []],
  [{ volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] }, []],
  [container({ resources: { limits: { cpu: '1', memory: '1Mi' } } }), []],
  [container({ resources: { limits: { 'ephemeral-storage': '1Mi' } } }), []],
  [{ volumes: [{ name: 'v' }, { name: 'w', nfs: { server: 's', path: '/' } }] }, ['spec.volumes[1].nfs']],
  [{ volumes: [{ name: 'w', csi: { driver: 'd' } }] }, []],
])('%j', (fields, paths) => {
  const spec: PodSpec = { containers: [], ...fields };
  expect(notActedOnWarnings({ spec })).toEqual(paths.map((path) => `${path}: accepted but not acted on`));
});
