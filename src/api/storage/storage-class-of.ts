// Which StorageClass claims and volumes name. Follows component-helpers storage/volume/helpers.go of v1.36.

import type { PersistentVolume, PersistentVolumeClaim } from '../generated/types.ts';

/** Where classes were named before there was a field for it; it still wins. */
export const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

/** The class that a claim asks for; '' where it asks for none, or says nothing. */
export const claimClass = ({ metadata, spec }: PersistentVolumeClaim): string =>
  metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';

/** Whether a claim says something of its class, be it that it wants none. */
export const claimNamesClass = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  metadata?.annotations?.[classAnnotation] !== undefined || spec?.storageClassName !== undefined;

/** The class that a volume belongs to; '' where it is of none. */
export const volumeClass = ({ metadata, spec }: PersistentVolume): string =>
  metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';
