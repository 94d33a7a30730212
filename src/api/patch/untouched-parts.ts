// Tells what a patch leaves alone, so that the new object can share it with the old one.
import { isTree, type Tree } from './json-tree.ts';

/** Whether the patch names the field, or may by a directive. */
const names = (patch: Tree, field: string): boolean =>
  Object.hasOwn(patch, field) || Object.keys(patch).some((key) => key.startsWith('$'));

/**
 * The parts of an object that the patch cannot change: its fields at the top, and its managedFields, as far as they are objects or lists.
 * A part of the metadata is none otherwise: that is small, and most writes change it. A JSON patch may reach anything.
 */
export function untouchedParts(
  object: object,
  type: 'json' | 'merge' | 'strategic',
  patch: unknown,
): ReadonlySet<unknown> {
  const parts = new Set<unknown>();
  if (type === 'json' || !isTree(patch)) return parts;
  for (const [field, value] of Object.entries(object))
    if (field !== 'metadata' && typeof value === 'object' && value !== null && !names(patch, field)) parts.add(value);
  const { metadata } = object as Tree;
  const managed = isTree(metadata) ? metadata['managedFields'] : undefined;
  const below = Object.hasOwn(patch, 'metadata') ? patch['metadata'] : {};
  if (Array.isArray(managed) && isTree(below) && !names(patch, '') && !names(below, 'managedFields'))
    parts.add(managed);
  return parts;
}
