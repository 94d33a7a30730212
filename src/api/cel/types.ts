// The types of CEL: how they are written, and when a value of one may stand for another. Follows cel-go checker/types.go and checker/format.go.

export type TypeKind =
  | 'dyn'
  | 'error'
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'list'
  | 'map'
  | 'struct'
  | 'opaque'
  | 'type'
  | 'param';

export interface CelType {
  readonly kind: TypeKind;
  /** As `type()` and errors name it: list, kubernetes.URL, the name of an object's type or of a type parameter. */
  readonly name: string;
  readonly params: readonly CelType[];
}

const simple = (kind: TypeKind, name: string = kind): CelType => ({ kind, name, params: [] });

export const dyn = simple('dyn');
export const errorType = simple('error', '!error!');
export const bool = simple('bool');
export const int = simple('int');
export const uint = simple('uint');
export const double = simple('double');
export const string = simple('string');
export const bytes = simple('bytes');
export const nullType = simple('null', 'null_type');
export const timestamp = simple('timestamp', 'google.protobuf.Timestamp');
export const duration = simple('duration', 'google.protobuf.Duration');
export const listOf = (element: CelType): CelType => ({ kind: 'list', name: 'list', params: [element] });
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', name: 'map', params: [key, value] });
export const struct = (name: string): CelType => simple('struct', name);
export const opaque = (name: string, ...params: CelType[]): CelType => ({ kind: 'opaque', name, params });
export const typeOf = (of: CelType): CelType => ({ kind: 'type', name: 'type', params: [of] });
export const param = (name: string): CelType => simple('param', name);
export const optionalOf = (of: CelType): CelType => opaque('optional_type', of);

/** The first parameter: a list's element, an optional's value. */
export const elementOf = (type: CelType): CelType => type.params[0] ?? dyn;
/** What a map's values are. */
export const valueOf = (type: CelType): CelType => type.params[1] ?? dyn;
export const isOptional = (type: CelType): boolean => type.kind === 'opaque' && type.name === 'optional_type';
export const isDynOrError = ({ kind }: CelType): boolean => kind === 'dyn' || kind === 'error';

/** As compile errors write a type: `map(string, list(int))`. */
export function typeText(type: CelType): string {
  switch (type.kind) {
    case 'null':
    case 'timestamp':
    case 'duration':
      return type.kind;
    default:
      return type.params.length === 0 ? type.name : `${type.name}(${type.params.map(typeText).join(', ')})`;
  }
}

/** As the type of a whole expression is written: like typeText, but with the full names of durations and timestamps. */
export const fullTypeText = (type: CelType): string =>
  type.params.length === 0 ? type.name : `${type.name}(${type.params.map(fullTypeText).join(', ')})`;

export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.name !== b.name || a.params.length !== b.params.length) return false;
  return a.params.every((one, i) => sameType(one, b.params[i] ?? dyn));
}

/** What type parameters stand for so far; changes can be taken back. */
export class TypeBindings {
  readonly #bound = new Map<string, CelType>();
  #trail: { name: string; before: CelType | undefined }[] = [];

  #find(type: CelType): CelType | undefined {
    return type.kind === 'param' ? this.#bound.get(type.name) : undefined;
  }

  #bind(type: CelType, to: CelType): void {
    this.#trail.push({ name: type.name, before: this.#bound.get(type.name) });
    this.#bound.set(type.name, to);
  }

  /** Whether `a` may stand where `b` is wanted, and so for each pair; nothing is bound where any may not. */
  assignable(a: readonly CelType[], b: readonly CelType[]): boolean {
    this.#trail = [];
    if (this.#allFit(a, b)) return true;
    for (const { name, before } of this.#trail.toReversed())
      if (before === undefined) this.#bound.delete(name);
      else this.#bound.set(name, before);
    return false;
  }

  #allFit(a: readonly CelType[], b: readonly CelType[]): boolean {
    return a.length === b.length && a.every((one, i) => this.#fits(one, b[i] ?? dyn));
  }

  #fits(a: CelType, b: CelType): boolean {
    if (b.kind === 'param') {
      const { fits, wasBound } = this.#bindOrFit(a, b);
      if (fits) return true;
      if (wasBound) return false;
    }
    if (a.kind === 'param') return this.#bindOrFit(b, a).fits;
    if (isDynOrError(a) || isDynOrError(b)) return true;
    if (a.kind === 'null') return isNullable(b);
    if (b.kind === 'null') return isNullable(a);
    switch (a.kind) {
      case 'type':
        return b.kind === 'type';
      case 'opaque':
      case 'list':
      case 'map':
        return a.kind === b.kind && a.name === b.name && this.#allFit(a.params, b.params);
      default:
        return a.kind === b.kind && a.name === b.name;
    }
  }

  #bindOrFit(type: CelType, parameter: CelType): { fits: boolean; wasBound: boolean } {
    if (sameType(type, parameter)) return { fits: true, wasBound: true };
    const bound = this.#find(parameter);
    if (bound !== undefined) {
      if (sameType(type, bound)) return { fits: true, wasBound: true };
      if (!this.#fits(type, bound)) return { fits: false, wasBound: true };
      const general = mostGeneral(type, bound);
      if (!this.#mentions(parameter, general)) this.#bind(parameter, general);
      return { fits: true, wasBound: true };
    }
    if (this.#mentions(parameter, type)) return { fits: false, wasBound: false };
    this.#bind(parameter, type);
    return { fits: true, wasBound: false };
  }

  #mentions(parameter: CelType, within: CelType): boolean {
    if (sameType(parameter, within)) return true;
    const bound = this.#find(within);
    if (bound !== undefined) return this.#mentions(parameter, bound);
    return within.params.some((one) => this.#mentions(parameter, one));
  }

  /** The type with what its parameters stand for; those that are free stay, or become dyn. */
  resolve(type: CelType, freeToDyn: boolean): CelType {
    const bound = this.#find(type);
    if (bound !== undefined) return this.resolve(bound, freeToDyn);
    if (type.kind === 'param') return freeToDyn ? dyn : type;
    if (type.params.length === 0) return type;
    return { ...type, params: type.params.map((one) => this.resolve(one, freeToDyn)) };
  }
}

const isNullable = ({ kind }: CelType): boolean =>
  kind === 'null' || kind === 'opaque' || kind === 'struct' || kind === 'duration' || kind === 'timestamp';

/** The less specific of two types that fit each other. */
export const mostGeneral = (a: CelType, b: CelType): CelType => (isLessSpecific(a, b) ? a : b);

function isLessSpecific(a: CelType, b: CelType): boolean {
  if (a.kind === 'dyn' || a.kind === 'param') return true;
  if (b.kind === 'dyn' || b.kind === 'param') return false;
  if (a.kind !== b.kind) return false;
  if (a.kind === 'type') return true;
  return a.name === b.name && a.params.every((one, i) => isLessSpecific(one, b.params[i] ?? dyn));
}

/** The type with its parameters renamed, so that they are bound anew. */
export function rename(type: CelType, to: (name: string) => string): CelType {
  if (type.kind === 'param') return param(to(type.name));
  return type.params.length === 0 ? type : { ...type, params: type.params.map((one) => rename(one, to)) };
}
