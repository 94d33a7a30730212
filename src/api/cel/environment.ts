// What an expression may use: variables, functions and types of objects. Follows cel-go checker/env.go and common/decls.

import { type CelType, typeOf, type TypeKind } from './types.ts';
import * as types from './types.ts';
import type { Value } from './values.ts';

/** One form of a function. */
export interface Overload {
  /** cel-go's name of it; costs go by it. */
  readonly id: string;
  /** The target first, where it is called on something. */
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly isMember: boolean;
  /** Gives the result, or a CelError. Arguments are of the types declared. */
  readonly call: (...args: never[]) => Value;
}

export interface FunctionDeclaration {
  readonly name: string;
  readonly overloads: readonly Overload[];
}

/** The fields of an object's type, by the names that expressions use. */
export interface ObjectType {
  readonly name: string;
  /** The type of a field; undefined where there is none. */
  field(name: string): CelType | undefined;
  /** Makes an object of the type; undefined where expressions cannot. */
  make?(fields: ReadonlyMap<string, Value>): Value;
}

/** The names an expression can use. Immutable; `extend` makes another. */
export class Environment {
  readonly #functions: ReadonlyMap<string, FunctionDeclaration>;
  readonly #variables: ReadonlyMap<string, CelType>;
  readonly #objectTypes: (name: string) => ObjectType | undefined;

  constructor(
    functions: ReadonlyMap<string, FunctionDeclaration>,
    variables: ReadonlyMap<string, CelType> = new Map(),
    objectTypes: (name: string) => ObjectType | undefined = () => undefined,
  ) {
    this.#functions = functions;
    this.#variables = variables;
    this.#objectTypes = objectTypes;
  }

  /** The same with more; later functions and variables take the place of those of their name. */
  extend(more: {
    functions?: readonly FunctionDeclaration[];
    variables?: Readonly<Record<string, CelType>>;
    objectTypes?: (name: string) => ObjectType | undefined;
  }): Environment {
    const { functions = [], variables = {}, objectTypes } = more;
    return new Environment(
      new Map([...this.#functions, ...functions.map((one) => [one.name, one] as const)]),
      new Map([...this.#variables, ...Object.entries(variables)]),
      objectTypes === undefined ? this.#objectTypes : (name) => objectTypes(name) ?? this.#objectTypes(name),
    );
  }

  function(name: string): FunctionDeclaration | undefined {
    return this.#functions.get(name.startsWith('.') ? name.slice(1) : name);
  }

  variable(name: string): CelType | undefined {
    return this.#variables.get(name) ?? typeNames.get(name);
  }

  objectType(name: string): ObjectType | undefined {
    return this.#objectTypes(name);
  }
}

/** Types that expressions name: `type(x) == int`. */
const typeNames: ReadonlyMap<string, CelType> = new Map(
  [
    types.bool,
    types.bytes,
    types.double,
    types.int,
    types.uint,
    types.string,
    types.nullType,
    types.timestamp,
    types.duration,
    types.listOf(types.dyn),
    types.mapOf(types.dyn, types.dyn),
    types.optionalOf(types.dyn),
    { kind: 'type' as TypeKind, name: 'type', params: [] },
    ...[
      'net.IP',
      'net.CIDR',
      'kubernetes.URL',
      'kubernetes.Quantity',
      'kubernetes.Semver',
      'kubernetes.NamedFormat',
    ].map((name) => types.opaque(name)),
  ].map((type) => [type.name, typeOf(type)]),
);

export const isTypeName = (name: string): boolean => typeNames.has(name);

type Call = (...args: never[]) => Value;

/** A form called as `name(args)`. */
export const overload = (id: string, args: readonly CelType[], result: CelType, call: Call): Overload => ({
  id,
  args,
  result,
  isMember: false,
  call,
});

/** A form called as `args[0].name(...)`. */
export const member = (id: string, args: readonly CelType[], result: CelType, call: Call): Overload => ({
  id,
  args,
  result,
  isMember: true,
  call,
});

export const define = (name: string, ...overloads: Overload[]): FunctionDeclaration => ({ name, overloads });

/** Functions of several libraries, those of one name made one. */
export function gatherFunctions(declarations: readonly FunctionDeclaration[]): Map<string, FunctionDeclaration> {
  const all = new Map<string, FunctionDeclaration>();
  for (const { name, overloads } of declarations)
    all.set(name, { name, overloads: [...(all.get(name)?.overloads ?? []), ...overloads] });
  return all;
}
