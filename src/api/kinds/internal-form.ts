// Shows objects in messages as upstream's internal types print: every field under its Go name, in Go's order.
// Those types carry no JSON names, so that is what a rejected value or a spec difference looks like to users.

import type { EphemeralContainer, PodSpec } from '../generated/types.ts';
import { asGiven } from '../schema/given-empty.ts';
import types from './internal-types.json' with { type: 'json' };

/** A field of an internal type. */
interface Member {
  goName: string;
  /** Its name in the API. */
  name: string;
  /** What Go prints where it is not set; undefined: nothing. */
  unset: '' | false | 0 | '0' | null | undefined;
  /** A struct that is no pointer: it prints all its fields also where it is not set. */
  isStruct: boolean;
  isMap: boolean;
  /** The internal type that it holds, or holds many of, '' for what prints as it is. */
  type: string;
}

/**
 * The types by name (k8s.io/kubernetes/pkg/apis, v1.36.0), each with its fields in order: Go's name and what the API calls it, a mark for
 * what is printed where it is not set, then the type that it holds. The marks: `=` "", `?` false, `#` 0, `$` "0", `!` a struct, `-` nothing
 * at all, none: null. `{}` stands around the type of a map's values. The field `...` is a struct whose fields are printed among the others.
 */
const tables: Readonly<Record<string, Readonly<Record<string, string>>>> = types;

const zeros: Readonly<Record<string, Member['unset']>> = { '=': '', '?': false, '#': 0, $: '0', '-': undefined };

const parsed = new Map<string, readonly Member[]>();

/** The fields of an internal type. A type that is not in the table is a mistake in the program. */
function membersOf(type: string): readonly Member[] {
  const known = parsed.get(type);
  if (known !== undefined) return known;
  const members = Object.entries(tables[type] ?? {}).map(([goName, text]): Member => {
    const [, name = '', mark = '', map, held = ''] = /^(\w+)([=?#$!-]?):?(\{?)(\w*)/.exec(text) ?? [];
    const unset = Object.hasOwn(zeros, mark) ? zeros[mark] : null;
    return { goName, name, unset, isStruct: mark === '!', isMap: map === '{', type: held };
  });
  if (members.length === 0) throw new Error(`no internal type ${type}`);
  parsed.set(type, members);
  return members;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a field holds; Go prints the keys of maps in order. */
function held({ type, isMap }: Member, value: unknown): unknown {
  const one = (item: unknown): unknown => (type !== '' && isRecord(item) ? internalForm(type, item) : item);
  if (Array.isArray(value)) return value.map(one);
  if (!isMap || !isRecord(value)) return one(value);
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, one(value[key])]));
}

function printed(member: Member, value: unknown): [string, unknown][] {
  const { goName, unset, isStruct, type } = member;
  if (goName === '...') return Object.entries(internalForm(type, isRecord(value) ? value : {}));
  if (value !== undefined && value !== null) return [[goName, held(member, value)]];
  if (isStruct) return [[goName, internalForm(type, {})]];
  return unset === undefined ? [] : [[goName, unset]];
}

/** The object as upstream's internal type of that name would be marshalled. */
export function internalForm(type: string, value: object): Record<string, unknown> {
  const fields = value as Record<string, unknown>;
  return Object.fromEntries(membersOf(type).flatMap((member) => printed(member, asGiven(fields, member.name))));
}

// The internal security context also holds what the API has beside it.
const movedFields = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'] as const;

/** A PodSpec as text, a member a line: what differences are made of. */
export function podSpecText(spec: PodSpec): string {
  const securityContext: Record<string, unknown> = { ...spec.securityContext };
  for (const field of movedFields) if (spec[field] !== undefined) securityContext[field] = spec[field];
  return goText({
    ...internalForm('PodSpec', spec),
    SecurityContext: internalForm('PodSecurityContext', securityContext),
  });
}

/** An ephemeral container as text likewise. */
export const ephemeralContainerText = (container: EphemeralContainer): string =>
  goText(internalForm('EphemeralContainer', container));

/** An object of that internal type as text likewise. */
export const internalText = (type: string, value: object): string => goText(internalForm(type, value));

/** Indented JSON with Go's escapes. */
function goText(value: unknown): string {
  const text = JSON.stringify(value, null, 1);
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
