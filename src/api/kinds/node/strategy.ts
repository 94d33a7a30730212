// What may be done to Nodes. Follows pkg/registry/core/node/strategy.go of v1.36.

import type { Node } from '../../generated/types.ts';
import type { Strategy } from '../../scheme.ts';
import { assign, simpleStrategy } from '../common.ts';
import { validateNode, validateNodeUpdate } from './validate.ts';

const checks = simpleStrategy<Node>({ namespaced: false, check: validateNode, checkUpdate: validateNodeUpdate });

export const nodeStrategy: Strategy<Node> = {
  ...checks,
  resetFields: [['status']],
  prepareForUpdate(node, old) {
    assign(node, 'status', old.status);
  },
};

export const nodeStatusStrategy: Strategy<Node> = {
  ...checks,
  resetFields: [['spec']],
  prepareForUpdate(node, old) {
    assign(node, 'spec', old.spec);
  },
};
