import { expect, test } from 'vitest';
import type { ManagedFieldsEntry } from '../../api/meta/types.ts';
import type { AdmissionAttributes } from '../admission/admission.ts';
import { mutate } from './mutate.ts';
import type { StoredObject } from './object-version.ts';
import type { WriteContext } from './write-context.ts';

const entry: ManagedFieldsEntry = {
  manager: 'm',
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  fieldsV1: { 'f:data': {} },
};

/** What is left of an object with that entry once plugins have changed its managedFields, and the warnings. */
async function left(change: (entries: ManagedFieldsEntry[]) => unknown) {
  const object: StoredObject = { metadata: { name: 'a', managedFields: [entry] } };
  const context = {
    warnings: [] as string[],
    deps: {
      admission: {
        mutate: () => {
          object.metadata.managedFields = change([{ ...entry }]) as ManagedFieldsEntry[];
          return Promise.resolve();
        },
      },
    },
  };
  await mutate(context as unknown as WriteContext, {} as AdmissionAttributes, object);
  return { managedFields: object.metadata.managedFields, warnings: context.warnings };
}

test.each<[string, (entries: ManagedFieldsEntry[]) => unknown, string]>([
  ['no operation', ([one]) => [{ ...one, operation: undefined }], 'operation must be `Apply` or `Update`'],
  ['no version', ([one]) => [{ ...one, apiVersion: '' }], 'apiVersion must not be empty'],
  ['no type', ([one]) => [{ ...one, fieldsType: undefined }], 'missing fieldsType in managed fields entry 0'],
  ['another type', ([one]) => [one, { ...one, fieldsType: 'V2' }], 'invalid fieldsType "V2" in managed fields entry 1'],
])('managedFields with %s are as they were before, with a warning', async (_, change, why) => {
  expect(await left(change)).toEqual({
    managedFields: [entry],
    warnings: [
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${why}`,
    ],
  });
});

test('managedFields that can be read stay as plugins leave them', async () => {
  expect(await left(() => [])).toEqual({ managedFields: [], warnings: [] });
});
