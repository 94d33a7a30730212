// The ways in which volumes may be used, as messages and tables show them. Follows pkg/apis/core/v1/helper/helpers.go of v1.36.

const shortNames: readonly (readonly [string, string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

/** RWO,ROX: always in this order, each once; unknown modes are left out. */
export const accessModesText = (modes: readonly string[] = []): string =>
  shortNames.flatMap(([mode, short]) => (modes.includes(mode) ? [short] : [])).join(',');

/** Every mode that there is, as messages list them. */
export const accessModeNames: readonly string[] = shortNames.map(([mode]) => mode).toSorted();
