// The VolumeAttachment kind. Follows pkg/registry/storage/volumeattachment of v1.36.

import type { VolumeAttachment } from '../../generated/types.ts';
import type { KindDefinition, Strategy } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  assign,
  booleanColumn,
  keepMetadata,
  nameColumn,
  statusVerbs,
  textColumn,
} from '../common.ts';
import {
  validateVolumeAttachment,
  validateVolumeAttachmentCreate,
  validateVolumeAttachmentUpdate,
} from './validate.ts';

const strategy: Strategy<VolumeAttachment> = {
  resetFields: [['status']],
  prepareForCreate(object) {
    object.status = { attached: false };
  },
  validateCreate: validateVolumeAttachmentCreate,
  prepareForUpdate(object, old) {
    assign(object, 'status', old.status);
  },
  validateUpdate: validateVolumeAttachmentUpdate,
  allowUnconditionalUpdate: false,
};

const statusStrategy: Strategy<VolumeAttachment> = {
  resetFields: [['metadata'], ['spec']],
  validateCreate: validateVolumeAttachment,
  prepareForUpdate(object, old) {
    object.spec = old.spec;
    keepMetadata(object, old);
  },
  validateUpdate: validateVolumeAttachmentUpdate,
  allowUnconditionalUpdate: false,
};

export const volumeAttachmentKind: KindDefinition<VolumeAttachment> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  resource: 'volumeattachments',
  singular: 'volumeattachment',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.storage.v1.VolumeAttachment',
  strategy,
  columns: [
    nameColumn,
    {
      ...textColumn<VolumeAttachment>('Attacher', 'The driver that attaches it.', ({ spec }) => spec?.attacher ?? ''),
      format: 'name',
    },
    textColumn<VolumeAttachment>('PV', 'The volume.', ({ spec }) => spec?.source?.persistentVolumeName ?? ''),
    textColumn<VolumeAttachment>('Node', 'The node that it is attached to.', ({ spec }) => spec?.nodeName ?? ''),
    booleanColumn<VolumeAttachment>('Attached', 'Whether it is attached.', ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
  subresources: { status: { kind: 'object', verbs: statusVerbs, strategy: statusStrategy } },
};
