// The plugins AlwaysAdmit, which does nothing, and AlwaysDeny, which refuses everything: both are there for tests.
// Follows plugin/pkg/admission/{admit,deny}/admission.go of v1.36.

import { type AdmissionAttributes, type AdmissionPlugin, refuse } from './admission.ts';

export const alwaysAdmit: AdmissionPlugin = { name: 'AlwaysAdmit' };

const deny = (at: AdmissionAttributes): never => {
  throw refuse(at, 'admission control is denying all modifications');
};

export const alwaysDeny: AdmissionPlugin = { name: 'AlwaysDeny', mutate: deny, validate: deny };
