// What every expression in Kubernetes v1.36 may use. Follows apiserver pkg/cel/environment/base.go and pkg/apis/cel/config.go of v1.36.

import { Environment, gatherFunctions } from './environment.ts';
import { authorizerFunctions } from './library/authorizer.ts';
import { formatFunctions } from './library/formats.ts';
import { listFunctions } from './library/lists.ts';
import { networkFunctions } from './library/network.ts';
import { optionalFunctions } from './library/optional.ts';
import { quantityFunctions } from './library/quantities.ts';
import { regexFunctions } from './library/regex.ts';
import { semverFunctions } from './library/semver.ts';
import { standardFunctions } from './library/standard.ts';
import { stringFunctions } from './library/strings.ts';
import { urlFunctions } from './library/urls.ts';

/** What one evaluation of an expression may cost. */
export const perCallLimit = 1_000_000;
/** What all rules on one object, or one policy with one binding, may cost together. */
export const objectBudget = 10_000_000;
/** What the match conditions of one webhook or policy may cost together. */
export const matchConditionsBudget = 2_500_000;
/** Bytes of a message that an expression makes. */
export const maxMessageBytes = 5 * 1024;

export const baseEnvironment = new Environment(
  gatherFunctions([
    ...standardFunctions,
    ...optionalFunctions,
    ...stringFunctions,
    ...listFunctions,
    ...regexFunctions,
    ...urlFunctions,
    ...quantityFunctions,
    ...networkFunctions,
    ...formatFunctions,
    ...semverFunctions,
    ...authorizerFunctions,
  ]),
);
